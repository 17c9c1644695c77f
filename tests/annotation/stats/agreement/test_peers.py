import numpy as np
import pytest

from annotation.stats.agreement.pairs import agreement, pair_counts
from annotation.stats.agreement.peers import of_two, with_peers
from annotation.stats.disagreement import agreement_of_two
from annotation.stats.said import ranks_of
from tests.annotation.stats.crowds import crowd
from tests.annotation.stats.said import said_of

RANKINGS = [[[0], [1], [2]], [[0, 1], [2]], [[2], [0]], [[1, 2, 0]], [[1], [2, 0]], [[2]], []]


def everybody(*, tasks=12):
    chance = np.random.default_rng(1)
    return said_of(
        [(t, who, RANKINGS[chance.integers(len(RANKINGS))]) for t in range(tasks) for who in "abcd"], size=3
    )


def test_each_judgement_is_held_against_all_others_of_its_task():
    said = said_of([("t", "a", [[0], [1]]), ("t", "b", [[0], [1]]), ("t", "c", [[0, 1]]), ("u", "a", [[0]])], size=2)

    scores = with_peers(said)

    assert scores.right == pytest.approx([1.5, 1.5, 1, 0])
    assert scores.n == pytest.approx([2, 2, 2, 0])


def test_over_all_it_is_the_agreement_of_two_people():
    said = everybody()

    assert with_peers(said).figure().value == pytest.approx(agreement(pair_counts(said)).value)


def test_what_hangs_together_in_a_task_does_not_narrow_the_interval():
    everything, _ = crowd(tasks=20_000, size=2, seed=5, ties=0)
    truth = with_peers(everything).figure().value
    drawn = (with_peers(crowd(tasks=40, size=2, seed=seed, ties=0)[0]).figure() for seed in range(200))

    assert 0.92 <= np.mean([figure.low <= truth <= figure.high for figure in drawn]) <= 0.99


def test_a_figure_says_how_many_judgements_and_tasks_it_stands_on():
    figure = with_peers(everybody()).figure()

    assert (figure.n, figure.groups) == (32, 11)


def test_what_is_too_little_is_counted_in_tasks():
    assert with_peers(everybody(tasks=9)).figure().missing == "not enough: 8 of the 10 tasks that a number needs"


def test_a_figure_of_each_annotator():
    rows = [(t, who, [[0], [1]] if who != "c" else [[1], [0]]) for t in range(20) for who in "abc"]
    said = said_of([*rows, ("new", "d", [[0], [1]])], size=2)

    a, b, c, d = with_peers(said).by(said.annotators, number=4)

    assert (a.value, b.value, c.value) == (0.5, 0.5, 0)
    assert d.missing == "not enough: 0 of the 10 judgements that a number needs"


@pytest.mark.parametrize("other", RANKINGS)
def test_of_two_rankings_as_pair_by_pair(other):
    right, n = of_two(ranks_of(RANKINGS, size=3), ranks_of([other] * len(RANKINGS), size=3))

    expected = [agreement_of_two(one, other) for one in RANKINGS]
    assert list(zip(right, n, strict=True)) == expected

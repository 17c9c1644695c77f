import numpy as np
import pytest

from annotation.stats.agreement.pairs import agreement, pair_counts
from annotation.stats.agreement.peers import against_known, of_two, with_peers
from annotation.stats.disagreement import agreement_of_two
from annotation.stats.known import score
from annotation.stats.said import ranks_of
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


def test_a_figure_of_each_annotator():
    rows = [(t, who, [[0], [1]] if who != "c" else [[1], [0]]) for t in range(20) for who in "abc"]
    said = said_of([*rows, ("new", "d", [[0], [1]])], size=2)

    a, b, c, d = with_peers(said).by(said.annotators, number=4)

    assert (a.value, b.value, c.value) == (0.5, 0.5, 0)
    assert d.missing == "not enough: 0 of the 10 judgements that a number needs"


@pytest.mark.parametrize("other", RANKINGS)
def test_of_two_rankings_as_pair_by_pair(other):
    scores = of_two(ranks_of(RANKINGS, size=3), ranks_of([other] * len(RANKINGS), size=3))

    expected = [agreement_of_two(one, other) for one in RANKINGS]
    assert list(zip(scores.right, scores.n, strict=True)) == expected


@pytest.mark.parametrize("known", RANKINGS)
def test_against_a_known_answer_as_pair_by_pair(known):
    scores = against_known(ranks_of(RANKINGS, size=3), ranks_of([known] * len(RANKINGS), size=3))

    assert list(zip(scores.right, scores.n, strict=True)) == [tuple(score(one, known)) for one in RANKINGS]

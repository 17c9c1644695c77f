from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.stats.agreement import pairs
from annotation.stats.disagreement import disagreement
from annotation.stats.said import UNRANKED
from tests.annotation.stats.said import native_rows, said_of, said_of_native

FIGURES = (pairs.agreement, pairs.exact_agreement, pairs.strict_agreement)


def repeated(rows, times):
    return [((task, number), who, ranking) for number in range(times) for task, who, ranking in rows]


def test_a_tie_against_an_order_is_half_an_agreement_none_or_not_asked():
    rows = repeated([("t", "a", [[0], [1]]), ("t", "b", [[0], [1]]), ("t", "c", [[0, 1]])], 10)
    counts = pairs.pair_counts(said_of(rows, size=2))

    assert [figure(counts).value for figure in FIGURES] == pytest.approx([2 / 3, 1 / 3, 1])


def test_answers_left_out_are_compared_with_nothing():
    rows = [("t", "a", [[0], [1]]), ("t", "b", [[2], [0]]), ("t", "c", [[1], [0], [2]])]

    counts = pairs.pair_counts(said_of(rows, size=3))

    assert list(zip(counts.first, counts.second, counts.counts.tolist(), strict=True)) == [
        (0, 1, [1, 0, 1]),
        (0, 2, [1, 0, 1]),
        (1, 2, [1, 0, 0]),
    ]
    assert len(counts.shared) == 2


@given(st.lists(st.permutations(range(4)), min_size=2, max_size=4), st.integers(0, 2))
def test_agreement_is_what_disagreement_leaves(orders, tied):
    rankings = [[[order[0]], list(order[1 : 2 + tied]), *[[k] for k in order[2 + tied :]]] for order in orders]
    rows = repeated([("t", who, ranking) for who, ranking in enumerate(rankings)], 10)

    found = pairs.agreement(pairs.pair_counts(said_of(rows, size=4)))

    assert found.value == pytest.approx(1 - disagreement(rankings).share)


@pytest.mark.parametrize("figure", FIGURES)
def test_turning_pairs_round_and_renaming_people_change_nothing(figure):
    chance = np.random.default_rng(1)
    rows = [(t, who, [[0], [1]] if chance.random() < 0.6 else [[0, 1]]) for t in range(30) for who in "abc"]
    turned = [
        (t, who.upper(), [[1 - k for k in group] for group in ranking] if t % 2 else ranking)
        for t, who, ranking in rows
    ]

    straight, other = (figure(pairs.pair_counts(said_of(found, size=2))) for found in (rows, turned))

    assert other == straight


def test_nine_tasks_are_not_enough():
    rows = [(t, who, [[0], [1]]) for t in range(9) for who in "ab"]

    found = pairs.agreement(pairs.pair_counts(said_of(rows, size=2)))

    assert found.value is None
    assert found.missing == "not enough: 9 of the 10 tasks that a number needs"


def test_pairs_of_one_task_make_the_interval_no_narrower():
    """Three answers ordered by one whim of the task: its three pairs say no more than one."""
    chance = np.random.default_rng(2)
    rankings = [[[0], [1], [2]] if chance.random() < 0.7 else [[2], [1], [0]] for _ in range(60)]
    said = [
        (t, who, ranking)
        for t, ranking in enumerate(rankings)
        for who, ranking in (("a", ranking), ("b", [[0], [1], [2]]))
    ]
    alone = [(t, who, [[k for k in group if k < 2] for group in ranking]) for t, who, ranking in said]

    triple = pairs.agreement(pairs.pair_counts(said_of(said, size=3)))
    single = pairs.agreement(pairs.pair_counts(said_of(alone, size=3)))

    assert (triple.n, single.n) == (180, 60)
    assert triple.high - triple.low == pytest.approx(single.high - single.low)


def test_intervals_hold_the_truth_in_about_95_of_100_samples():
    """Each task has a chance of its own that somebody prefers its first answer, so its people hang together."""
    chance = np.random.default_rng(3)
    truth = 1 - 2 * (1 / 2 - (1 / 20 + 1 / 4))  # 1 - 2 (E[p] - E[p²]) of Beta(2, 2)
    held = 0
    for _ in range(300):
        likely = chance.beta(2, 2, 60)
        first = chance.binomial(5, likely)
        counts = np.stack([first, np.zeros_like(first), 5 - first], axis=1)
        found = pairs.agreement(
            pairs.PairCounts(
                tasks=np.arange(60), first=np.zeros(60, np.int8), second=np.ones(60, np.int8), counts=counts
            )
        )
        held += found.low <= truth <= found.high
    assert 0.92 < held / 300 < 0.99


def test_votes_carry_who_said_what_of_which_pair():
    said = said_of([("t", "a", [[0], [1]]), ("u", "a", [[2], [0, 1]]), ("t", "b", [[0, 1]])], size=3)

    votes, counts = pairs.votes_of(said)

    found = {
        (counts.tasks[pair], counts.first[pair], counts.second[pair], votes.names[who], outcome, worth)
        for pair, who, outcome, worth in zip(votes.pairs, votes.annotators, votes.outcomes, votes.worth, strict=True)
    }
    assert found == {
        (0, 0, 1, "a", 0, 1),
        (0, 0, 1, "b", 1, 1),
        (1, 0, 1, "a", 1, 2 / 3),
        (1, 0, 2, "a", 2, 2 / 3),
        (1, 1, 2, "a", 2, 2 / 3),
    }


def test_outcomes_are_of_all_pairs_of_positions():
    said = said_of([("t", "a", [[3], [1, 0]])], size=4)

    found = {(i, j): outcome[0] for i, j, outcome in pairs.outcomes(said.ranks)}

    assert set(found) == set(combinations(range(4), 2))
    assert (found[0, 1], found[0, 3], found[1, 3], found[0, 2]) == (1, 2, 2, UNRANKED)


def test_all_three_of_pandalm_agree_on_88_percent():
    counts = pairs.pair_counts(said_of_native(native_rows("pandalm"), size=2))

    assert np.mean(counts.counts.max(axis=1) == 3) == pytest.approx(0.880, abs=5e-4)


def test_ukpconvarg_has_the_published_raw_agreement():
    """Published is 52.4 % over 32 topics (MANIFEST.md); 28 are here."""
    counts = pairs.pair_counts(said_of_native(native_rows("ukpconvarg"), size=2))

    assert pairs.exact_agreement(counts).value == pytest.approx(0.524, abs=0.01)

import choix
import numpy as np
import pytest

from annotation.stats.strengths.bradley_terry import bradley_terry
from annotation.stats.strengths.fits import NotComparable
from annotation.stats.strengths.matches import Matches, matches_of
from tests.annotation.stats.said import said_of

TRUE = np.array([1.0, 0.4, -0.2, -1.2])


def matches(first, second, counts, *, size, clusters=None, longer=None):
    counts = np.asarray(counts, dtype=float)
    return Matches(
        first=np.asarray(first),
        second=np.asarray(second),
        counts=counts,
        clusters=np.arange(len(counts)) if clusters is None else np.asarray(clusters),
        longer=np.full(len(counts), np.nan) if longer is None else np.asarray(longer, dtype=float),
        size=size,
    )


def played(number, *, seed, tie=0.5, strengths=TRUE, each=1):
    """`each` votes on `number` pairs of policies, with Davidson's probabilities."""
    chance = np.random.default_rng(seed)
    first = chance.integers(0, strengths.size, number)
    second = (first + chance.integers(1, strengths.size, number)) % strengths.size
    gap = strengths[first] - strengths[second]
    likely = np.stack([np.exp(gap / 2), np.full(number, tie), np.exp(-gap / 2)], axis=1)
    counts = chance.multinomial(each, likely / likely.sum(axis=1, keepdims=True))
    return matches(first, second, counts, size=strengths.size)


def test_without_ties_as_choix():
    found = played(400, seed=1, tie=0)
    wins = [(a, b) if c[0] else (b, a) for a, b, c in zip(found.first, found.second, found.counts, strict=True)]

    expected = choix.opt_pairwise(4, [(int(a), int(b)) for a, b in wins])

    assert bradley_terry(found).values == pytest.approx(expected - expected.mean(), abs=1e-5)


def test_two_policies_by_hand():
    """Of 30 strict comparisons 20 were won, whatever the ties: log-odds log 2."""
    found = bradley_terry(matches([0] * 40, [1] * 40, [[1, 0, 0]] * 20 + [[0, 0, 1]] * 10 + [[0, 1, 0]] * 10, size=2))

    assert found.values[0] - found.values[1] == pytest.approx(np.log(2))


def test_strengths_lie_in_their_intervals_in_about_95_of_100_samples():
    held = []
    for seed in range(150):
        figures = bradley_terry(played(300, seed=seed)).figures
        held += [figure.low <= true <= figure.high for figure, true in zip(figures, TRUE, strict=True)]
    assert 0.92 < np.mean(held) < 0.98


def test_the_same_votes_of_one_task_thrice_make_no_narrower_intervals():
    once = played(200, seed=2)
    thrice = Matches(
        first=once.first, second=once.second, counts=3 * once.counts, clusters=once.clusters,
        longer=once.longer, size=4,
    )  # fmt: skip

    narrow, wide = (bradley_terry(found).figures[0] for found in (thrice, once))

    assert narrow.high - narrow.low == pytest.approx(wide.high - wide.low)


def test_turning_pairs_round_and_renaming_policies_changes_nothing():
    found = played(200, seed=3)
    turned = matches(3 - found.second, 3 - found.first, found.counts[:, ::-1], size=4)

    straight, other = bradley_terry(found), bradley_terry(turned)

    np.testing.assert_allclose(other.values[::-1], straight.values, atol=1e-8)
    np.testing.assert_allclose(other.covariance[::-1, ::-1], straight.covariance, atol=1e-8)


def test_who_never_lost_has_a_number_and_it_is_said():
    found = bradley_terry(matches([0, 0, 1] * 10, [1, 2, 2] * 10, [[1, 0, 0]] * 30, size=3))

    assert found.separated
    assert np.isfinite(found.values).all()
    assert found.values[0] > found.values[1] > found.values[2]


def test_policies_that_never_met_are_refused():
    with pytest.raises(NotComparable, match="2 of 4 policies were never compared"):
        bradley_terry(matches([0, 2], [1, 3], [[1, 0, 0], [0, 0, 1]], size=4))


def test_few_tasks_are_not_enough():
    assert bradley_terry(played(9, seed=4, strengths=np.array([0.1, 0]))).figures[0].missing.startswith("not enough")


def test_places_are_certain_where_strengths_are_far_apart():
    sure = bradley_terry(played(4000, seed=5)).places
    unsure = bradley_terry(played(200, seed=5, strengths=np.zeros(4))).places

    assert sure == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert all(high - low >= 1 for low, high in unsure)


def test_answers_of_one_policy_say_nothing_of_policies():
    said = said_of([("t", "a", [[0], [1], [2]])], size=3)

    found = matches_of(said, policies=np.array([[0, 0, 1]]), size=2, lengths=np.array([[10.0, 20, 50]]))

    assert (found.first.tolist(), found.second.tolist(), found.longer.tolist()) == ([0, 0], [1, 1], [-40, -30])


def test_a_policy_that_wins_or_ties_and_never_loses_is_separated():
    found = bradley_terry(matches([0] * 40, [1] * 40, [[1, 0, 0]] * 20 + [[0, 1, 0]] * 20, size=2))

    assert found.separated
    assert np.isfinite(found.values).all()

from math import comb

import numpy as np
import pytest

from annotation.stats.medians import median, medians_by, rank


def outside(n: int, k: int) -> float:
    """How often fewer than k of n coins fall on one of the sides, exactly."""
    return 2 * sum(comb(n, i) for i in range(k)) / 2**n


@pytest.mark.parametrize("n", [*range(1, 60), 100, 101, 400, 1000])
def test_the_rank_is_the_greatest_that_leaves_95_per_cent(n):
    k = rank(n)

    assert outside(n, k) <= 0.05 < outside(n, k + 1)


@pytest.mark.parametrize(("n", "k"), [(5, 0), (6, 1), (9, 2), (10, 2), (20, 6), (25, 8), (50, 18), (100, 40)])
def test_ranks_are_those_of_the_sign_test(n, k):
    """Its critical values, two-sided at 5 %, and one more."""
    assert rank(n) == k


def test_a_million_times_have_their_rank_at_once():
    assert rank(1_000_000) == 499_020


def test_the_interval_is_two_of_the_times_themselves():
    found = median(np.array([9.0, np.nan, 1, 2, 3, 4, 5, 6, 7, 8, 100]))

    assert (found.value, found.low, found.high, found.n, found.what) == (5.5, 2, 9, 10, "times")


def test_below_six_times_there_is_no_interval():
    found = median(np.array([3.0, 1, 2]))

    assert (found.value, found.low, found.high, found.n) == (2, None, None, 3)


def test_what_is_too_few_has_no_median():
    assert median(np.ones(19), needed=20).missing == "not enough: 19 of the 20 times that a number needs"
    assert median(np.array([np.nan])).value is None


def test_each_group_has_its_own():
    chance = np.random.default_rng(1)
    times, groups = chance.lognormal(3, 1, 500), chance.integers(0, 4, 500)

    found = medians_by(times, groups, number=6)

    assert found[:4] == [median(times[groups == group]) for group in range(4)]
    assert [one.value for one in found[4:]] == [None, None]
    assert medians_by(np.zeros(0), np.zeros(0, dtype=np.int64), number=2)[1].n == 0


@pytest.mark.parametrize("n", [6, 20, 101])
def test_the_interval_holds_the_true_median_in_at_least_95_of_100_samples(n):
    chance = np.random.default_rng(n)
    found = [median(chance.lognormal(3, 1, n)) for _ in range(1000)]

    assert 0.94 < np.mean([figure.low <= np.exp(3) <= figure.high for figure in found]) <= 0.985

from math import comb

import numpy as np
import pytest

from annotation.stats.medians import median, median_of_people, medians_by, rank


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


def paced(number, *, seed, each):
    """Times of people with paces of their own, whose median over people is exp(3); and who gave them."""
    chance = np.random.default_rng(seed)
    people = np.repeat(np.arange(number), each(chance, number))
    return np.exp(3 + 0.4 * chance.normal(size=number)[people] + 0.6 * chance.normal(size=people.size)), people


def evenly(chance, number):
    return np.full(number, 60)


def unevenly(chance, number):
    return np.ceil(chance.lognormal(3, 0.7, number)).astype(np.int64)


@pytest.mark.parametrize(("number", "each"), [(7, evenly), (12, evenly), (20, unevenly), (60, unevenly)])
def test_the_interval_holds_the_median_over_people_in_about_95_of_100_samples(number, each):
    found = [median_of_people(*paced(number, seed=seed, each=each)) for seed in range(500)]

    held = [one.low <= np.exp(3) <= one.high for one in found if one.low is not None]
    assert len(held) > 400
    assert 0.91 < np.mean(held) < 0.99


def test_as_if_one_person_had_given_them_it_would_hold_it_far_less_often():
    samples = [paced(7, seed=seed, each=evenly)[0] for seed in range(500)]

    assert np.mean([one.low <= np.exp(3) <= one.high for one in map(median, samples)]) < 0.5


def test_the_median_of_people_is_of_the_times_that_are_known():
    times, people = paced(9, seed=1, each=evenly)
    times[::7] = np.nan

    found = median_of_people(times, people)

    known = times[~np.isnan(times)]
    assert (found.value, found.n, found.groups, found.missing) == (np.median(known), known.size, 9, "")
    assert found.low in known
    assert found.high in known


def test_of_few_people_the_median_stands_without_an_interval():
    found = median_of_people(*paced(5, seed=1, each=evenly))

    assert (found.low, found.high, found.n, found.groups) == (None, None, 300, 5)
    assert found.value > 0
    assert found.missing == "not enough: 5 of the 7 annotators that a number needs"


def test_people_of_whom_one_gave_nearly_all_times_are_worth_few():
    times = np.arange(1, 1010, dtype=np.float64)

    found = median_of_people(times, np.minimum(np.arange(1009), 9))

    assert found.missing == "not enough: 1 of the 7 annotators that a number needs"


@pytest.mark.parametrize("number", [7, 8, 30])
def test_people_as_far_apart_as_can_be_leave_it_among_the_times(number):
    people = np.repeat(np.arange(number), 10)

    found = median_of_people(np.where(people < number / 2, 1.0, 100.0), people)

    assert (found.low, found.high) == (1, 100)


def test_equal_times_have_an_interval_of_one_point():
    found = median_of_people(np.full(80, 9.0), np.repeat(np.arange(8), 10))

    assert (found.low, found.value, found.high) == (9, 9, 9)


def test_people_without_times_have_no_median():
    assert median_of_people(np.array([np.nan]), np.array([0])).value is None
    assert median_of_people(np.ones(19), np.arange(19), needed=20).value is None

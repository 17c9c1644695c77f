from datetime import UTC, datetime

import numpy as np
import pytest

from annotation.stats.people.drift import median, pace_by_hour, pace_by_week


def at(*moment):
    return datetime(*moment, tzinfo=UTC).timestamp()


def test_hours_are_those_of_universal_time():
    moments, seconds = np.full(25, at(2026, 1, 31, 23, 30)), np.full(25, 9.0)

    (found,) = pace_by_hour(moments, seconds)

    assert (found.hour, found.pace.value, found.pace.n) == (23, 9, 25)


def test_weeks_begin_on_monday():
    moments = np.array([at(2026, 1, 25, 23), at(2026, 1, 26, 1)] * 20)

    found = pace_by_week(moments, np.array([10.0, 20] * 20))

    assert [(week.monday, week.pace.value) for week in found] == [("2026-01-19", 10), ("2026-01-26", 20)]


def test_what_is_not_known_is_left_out():
    assert pace_by_hour(np.array([np.nan, 5.0]), np.array([3.0, np.nan])) == []


def test_few_times_are_not_enough():
    assert median(np.ones(19)).missing == "not enough: 19 of the 20 times that a number needs"


@pytest.mark.parametrize("n", [20, 101])
def test_the_interval_holds_the_true_median_in_at_least_95_of_100_samples(n):
    chance = np.random.default_rng(n)
    found = [median(chance.lognormal(3, 1, n)) for _ in range(500)]

    assert 0.94 < np.mean([figure.low <= np.exp(3) <= figure.high for figure in found]) <= 0.99

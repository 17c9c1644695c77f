from datetime import UTC, datetime

import numpy as np

from annotation.stats.people.drift import pace_by_hour, pace_by_week


def at(*moment):
    return datetime(*moment, tzinfo=UTC).timestamp()


def test_hours_are_those_of_universal_time():
    moments, seconds = np.full(25, at(2026, 1, 31, 23, 30)), np.full(25, 9.0)

    (found,) = pace_by_hour(moments, seconds, people=np.arange(25))

    assert (found.hour, found.pace.value, found.pace.n) == (23, 9, 25)


def test_weeks_begin_on_monday():
    moments = np.array([at(2026, 1, 25, 23), at(2026, 1, 26, 1)] * 20)

    found = pace_by_week(moments, np.array([10.0, 20] * 20))

    assert [(week.monday, week.pace.value) for week in found] == [("2026-01-19", 10), ("2026-01-26", 20)]


def test_what_is_not_known_is_left_out():
    assert pace_by_hour(np.array([np.nan, 5.0]), np.array([3.0, np.nan]), people=np.arange(2)) == []


def test_hours_and_weeks_of_few_times_have_no_median():
    moments = np.full(19, at(2026, 1, 31, 23, 30))

    (hour,) = pace_by_hour(moments, np.ones(19), people=np.arange(19))
    (week,) = pace_by_week(moments, np.ones(19))

    assert hour.pace.missing == week.pace.missing == "not enough: 19 of the 20 times that a number needs"


def test_of_several_people_an_hour_or_a_week_has_an_interval_only_where_they_are_enough():
    moments, seconds = np.full(40, at(2026, 1, 31, 23, 30)), np.arange(1.0, 41)
    few, enough = np.arange(40) % 6, np.arange(40) % 8

    for people, has in ((few, False), (enough, True)):
        (hour,) = pace_by_hour(moments, seconds, people=people)
        (week,) = pace_by_week(moments, seconds, people=people)
        assert hour.pace == week.pace
        assert (hour.pace.low is not None) is has
    (own,) = pace_by_week(moments, seconds)
    assert own.pace.low is not None

"""How pace changes: over the weeks, and over the hours of the day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from annotation.stats.figures import Figure
from annotation.stats.medians import median, median_of_people
from annotation.stats.pace import MINIMUM_TIMES
from annotation.stats.said import Floats, Whole

HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400
MONDAY = 4 * DAY  # the first one after 1970 began, on a Thursday


@dataclass(frozen=True, kw_only=True)
class Hour:
    hour: int  # 0 to 23
    pace: Figure


@dataclass(frozen=True, kw_only=True)
class Week:
    monday: str  # its date
    pace: Figure


def pace_by_hour(at: Floats, seconds: Floats, *, people: Whole) -> list[Hour]:
    """The pace of each hour of the day in which somebody worked. `at` (N,): when, in seconds since 1970, so that
    the hours are those of universal time. `people` (N,): who."""
    known = ~np.isnan(at) & ~np.isnan(seconds)
    hours = (at[known] % DAY // HOUR).astype(np.int64)
    return [
        Hour(hour=int(hour), pace=_pace(seconds[known][hours == hour], people[known][hours == hour]))
        for hour in np.unique(hours)
    ]


def pace_by_week(at: Floats, seconds: Floats, *, people: Whole | None = None) -> list[Week]:
    """The pace of each week, from Monday to Sunday in universal time, in which somebody worked; without `people`
    (N,) all times are one person's."""
    known = ~np.isnan(at) & ~np.isnan(seconds)
    weeks = ((at[known] - MONDAY) // WEEK).astype(np.int64)
    order = np.argsort(weeks, kind="stable")
    found, starts = np.unique(weeks[order], return_index=True)
    parts = np.split(np.flatnonzero(known)[order], starts[1:])
    return [
        Week(monday=date_of(int(week)), pace=_pace(seconds[part], None if people is None else people[part]))
        for week, part in zip(found, parts, strict=False)
    ]


def _pace(times: Floats, people: Whole | None) -> Figure:
    if people is None:
        return median(times, needed=MINIMUM_TIMES)
    return median_of_people(times, people, needed=MINIMUM_TIMES)


def date_of(week: int) -> str:
    return (datetime(1970, 1, 5, tzinfo=UTC) + timedelta(weeks=week)).date().isoformat()

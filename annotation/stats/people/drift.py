"""How pace changes: over the weeks, and over the hours of the day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from annotation.stats.figures import Figure
from annotation.stats.medians import median
from annotation.stats.pace import MINIMUM_TIMES
from annotation.stats.said import Floats

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


def pace_by_hour(at: Floats, seconds: Floats) -> list[Hour]:
    """The pace of each hour of the day in which somebody worked. `at` (N,): when, in seconds since 1970, so that
    the hours are those of universal time."""
    known = ~np.isnan(at) & ~np.isnan(seconds)
    hours = (at[known] % DAY // HOUR).astype(np.int64)
    return [
        Hour(hour=int(hour), pace=median(seconds[known][hours == hour], needed=MINIMUM_TIMES))
        for hour in np.unique(hours)
    ]


def pace_by_week(at: Floats, seconds: Floats) -> list[Week]:
    """The pace of each week, from Monday to Sunday in universal time, in which somebody worked."""
    known = ~np.isnan(at) & ~np.isnan(seconds)
    weeks = ((at[known] - MONDAY) // WEEK).astype(np.int64)
    order = np.argsort(weeks, kind="stable")
    found, starts = np.unique(weeks[order], return_index=True)
    return [
        Week(monday=date_of(int(week)), pace=median(times, needed=MINIMUM_TIMES))
        for week, times in zip(found, np.split(seconds[known][order], starts[1:]), strict=False)
    ]


def date_of(week: int) -> str:
    return (datetime(1970, 1, 5, tzinfo=UTC) + timedelta(weeks=week)).date().isoformat()

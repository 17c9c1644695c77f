"""How far a project is, when it will be done, and what it costs in hours."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any

import numpy as np
from django.db.models import Count, F, Sum
from django.utils import timezone

from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.reading import CHUNK, counted
from annotation.models import Measurement, Project, Task
from annotation.stats.said import Floats

RECENT = 14  # days that the forecast is made from: two of each weekday; fewer where a project is younger
DAY = 86_400.0
NINETY_FIVE = 1.96
FURTHEST = 3_650  # days: what takes longer than ten years has no date


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Judgements a day, over all of the recent days since the first one, those without any among them."""

    mean: float
    low: float
    high: float


def progress_of(facts: Facts) -> dict[str, Any]:
    left = places_left(facts.project) if facts.voices == Measurement.Voices.PEOPLE else 0
    return {
        "tasks": tasks_by_state(facts.project),
        "judgements": len(facts.said),
        "annotators": int(np.count_nonzero(facts.named)),
        "unnamed": int(np.count_nonzero(~facts.named[facts.said.annotators])),
        "per_day": per_day(facts.said.at),
        "left": left,
        "forecast": forecast(facts.said.at, left=left, state=facts.project.state, now=timezone.now()),
    }


def tasks_by_state(project: Project) -> dict[str, int]:
    tasks = Task.objects.filter(project=project, purpose__in=Task.LABELS).order_by()
    counts = dict(tasks.values_list("state").annotate(Count("pk")))
    return {state: counts.get(state, 0) for state in ("open", "done", "withdrawn")}


def places_left(project: Project) -> int:
    queued = Task.objects.filter(project=project, purpose__in=Task.LABELS, state=Task.State.OPEN)
    return queued.aggregate(n=Sum(F("overlap") - F("filled")))["n"] or 0


def per_day(at: Floats) -> list[dict[str, Any]]:
    days, counts = np.unique((at[~np.isnan(at)] // DAY).astype(np.int64), return_counts=True)
    return [{"day": day_of(day), "n": n} for day, n in zip(days.tolist(), counts.tolist(), strict=True)]


def day_of(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


def forecast(at: Floats, *, left: int, state: str, now: datetime) -> dict[str, Any]:
    """The day on which the last place is filled if people go on as in the last two weeks, with a 95 % interval."""
    if not left:
        return without_date("nothing is left to judge")
    if state != Project.State.ACTIVE:
        return without_date("the project rests, so that nobody is asked")
    rate = recent_rate(at, now=now)
    if not rate.mean:
        return without_date(f"nobody judged anything in the last {RECENT} days")
    ends, earliest, latest = (ending(left, a_day, now=now) for a_day in (rate.mean, rate.high, rate.low))
    missing = "" if ends else "at this pace it takes more than ten years"
    return {"ends": ends, "earliest": earliest, "latest": latest, "per_day": rate.mean, "missing": missing}


def without_date(why: str) -> dict[str, Any]:
    return {"ends": None, "earliest": None, "latest": None, "per_day": None, "missing": why}


def recent_rate(at: Floats, *, now: datetime) -> Rate:
    age = (now.timestamp() - at[~np.isnan(at)]) // DAY
    days = min(RECENT, int(age.max(initial=0)) + 1)
    counts = np.bincount(age[(age >= 0) & (age < days)].astype(np.int64), minlength=days)
    mean = float(counts.mean())
    spread = float(counts.std(ddof=1)) if days > 1 else sqrt(mean)  # of one day, as if people came by chance
    margin = NINETY_FIVE * spread / sqrt(days)
    return Rate(mean=mean, low=max(0.0, mean - margin), high=mean + margin)


def ending(left: int, a_day: float, *, now: datetime) -> str | None:
    days = left / a_day if a_day else FURTHEST + 1
    return (now.astimezone(UTC).date() + timedelta(days=round(days))).isoformat() if days <= FURTHEST else None


def hours_of(facts: Facts, *, left: int) -> dict[str, Any]:
    """A tab left open counts no longer than its lease. Where no time is known, the mean stands for it: times are
    skewed, and a median would make the whole too small."""
    seconds = np.concatenate([facts.said.seconds, seconds_of_checks(facts)])
    times = np.minimum(seconds[~np.isnan(seconds)], 60.0 * facts.project.lease_minutes)
    if not times.size:
        return {"timed": 0, "hours": 0.0, "estimated": None, "left": None}
    usual = float(times.mean())
    known = float(times.sum())
    return {
        "timed": int(times.size),
        "hours": known / 3600,
        "estimated": (known + usual * (seconds.size - times.size)) / 3600,
        "left": left * usual / 3600,
    }


def seconds_of_checks(facts: Facts) -> Floats:
    """What known answers and repeats took, which are work as well."""
    said = counted(facts.project, voices=facts.voices).current().exclude(task__purpose__in=Task.LABELS)
    seconds = said.order_by().values_list("seconds", flat=True)
    return np.array([np.nan if one is None else one for one in seconds.iterator(CHUNK)], dtype=np.float64)

"""Figures as measuring leaves them, for the tests of the pages that show them."""

from typing import Any

from django.utils import timezone

from annotation.models import Annotator, AnnotatorMeasure, Measurement, Project, Task, TaskMeasure
from annotation.stats.figures import Figure, not_enough
from tests.factories import AnnotatorFactory

TOO_LITTLE = not_enough(n=3, needed=20, what="pairs").as_dict()


def figure(value: float, *, n: int = 1204, spread: float = 0.04, what: str = "pairs") -> dict[str, Any]:
    return Figure(value=value, low=value - spread, high=value + spread, n=n, groups=n // 3, what=what).as_dict()


def pace(median: float, *, n: int) -> dict[str, Any]:
    return {"median": median, "low": median - 3, "high": median + 4, "n": n, "missing": ""}


def content(**parts: Any) -> dict[str, Any]:
    """Of a project that has everything; `parts` in place of its own."""
    days = [{"day": f"2026-01-{day:02}", "n": 10 * day} for day in range(1, 31)]
    months = [
        ("2026-01-01", "2026-02-01", 0.66),
        ("2026-02-01", "2026-03-01", 0.71),
        ("2026-03-01", "2026-04-01", 0.74),
    ]
    found = {
        "version": 1,
        "progress": {
            "tasks": {"open": 312, "done": 1688, "withdrawn": 2},
            "judgements": 5400,
            "annotators": 3,
            "per_day": days,
            "left": 936,
            "forecast": {
                "ends": "2026-03-11",
                "earliest": "2026-03-08",
                "latest": "2026-03-16",
                "per_day": 120.0,
                "missing": "",
            },
        },
        "hours": {"timed": 5000, "hours": 61.2, "estimated": 66.1, "left": 11.5},
        "agreement": {
            "pairs": figure(0.74),
            "strict": figure(0.79, n=1100),
            "alpha": figure(0.61),
            "fleiss": TOO_LITTLE,
            "tau_b": figure(0.55),
            "top_1": figure(0.68),
            "ceiling": figure(0.78),
            "cohen": [{"a": "ada", "b": "ben", **figure(0.58, n=400)}],
            "over_time": [{"from": begin, "to": end, **figure(value)} for begin, end, value in months],
        },
        "ratings": {
            "correctness": {"nominal": figure(0.4), "ordinal": figure(0.6), "interval": figure(0.62)},
        },
        "ranks_alpha": figure(0.52),
        "known": figure(0.91, n=240),
        "repeats": figure(0.88, n=180),
        "transitivity": figure(0.03, n=900, spread=0.01, what="triads"),
        "rubric": {"correctness": figure(0.83)},
        "bias": {
            "position": figure(0.53),
            "by_place": [{"place": 1, **figure(0.53)}, {"place": 2, **figure(0.47)}],
            "length": figure(0.62),
        },
        "drift": {
            "pace_by_hour": [{"hour": hour, **pace(40.0 - hour, n=100)} for hour in range(8, 19)],
            "pace_by_week": [{"week": "2026-01-26", **pace(38.0, n=800)}],
        },
        "reliability": {"method": "dawid-skene", "missing": "", "steps": 12},
        "matrix": {
            "annotators": ["ada", "ben", "chloe"],
            "cells": [
                {"a": 0, "b": 1, **figure(0.81, n=400)},
                {"a": 0, "b": 2, **figure(0.52, n=380)},
                {"a": 1, "b": 2, **TOO_LITTLE},
            ],
        },
        "guidelines": [
            {
                "version": number,
                "judgements": 2700,
                "pairs": figure(value),
                "alpha": figure(value - 0.1),
                "known": figure(0.9, n=120),
                "seconds": pace(44.0, n=2600),
            }
            for number, value in ((1, 0.68), (2, 0.76))
        ],
        "policies": {
            "ranked": [
                {
                    "name": name,
                    "strength": figure(strength, spread=0.2),
                    "win_rate": figure(wins),
                    "length_controlled": figure(wins - 0.04),
                    "places": places,
                }
                for name, strength, wins, places in (
                    ("lumo-3", 0.8, 0.67, [1, 1]),
                    ("lumo-2", -0.1, 0.48, [2, 3]),
                    ("lumo-1", -0.7, 0.35, [2, 3]),
                )
            ],
            "beats": [
                {"a": "lumo-3", "b": "lumo-2", **figure(0.66)},
                {"a": "lumo-3", "b": "lumo-1", **figure(0.69)},
                {"a": "lumo-2", "b": "lumo-1", **figure(0.6)},
            ],
            "missing": "",
        },
        "slices": [
            {
                "tag": tag,
                "judgements": 1800,
                "tasks": 600,
                "pairs": figure(value),
                "alpha": figure(value - 0.1),
                "known": TOO_LITTLE,
                "seconds": pace(41.0, n=1700),
            }
            for tag, value in (("lamp", 0.8), ("lang:de", 0.63))
        ],
        "verdict": {"code": "good", "reasons": []},
    }
    return {**found, **parts}


def of_person(**parts: Any) -> dict[str, Any]:
    found = {
        "judgements": 1800,
        "first": "2026-01-01T08:00:00+00:00",
        "last": "2026-01-30T17:00:00+00:00",
        "pace": {**pace(39.0, n=1790), "fast": figure(0.04, n=1790, spread=0.01, what="judgements")},
        "agreement": figure(0.75, n=900),
        "known": figure(0.92, n=80),
        "repeats": figure(0.86, n=60),
        "reliability": figure(0.83, n=1800, what="judgements"),
        "weight": 1.2,
        "bias": {"position": figure(0.51), "length": figure(0.6)},
        "drift": {},
        "transitivity": TOO_LITTLE,
        "rubric": figure(0.8),
        "recent": {"agreement": figure(0.61, n=60), "known": TOO_LITTLE, "pace": pace(17.0, n=50)},
        "before": {"agreement": figure(0.76, n=840), "known": figure(0.92, n=76), "pace": pace(41.0, n=1740)},
        "skips": 4,
        "suggestion": {"code": "fine", "reasons": []},
    }
    return {**found, **parts}


def measured(project: Project, *, voices: str = "people", **parts: Any) -> Measurement:
    return Measurement.objects.create(
        project=project,
        voices=voices,
        content=content(**parts),
        state="now",
        judgements=5400,
        seconds=2.4,
        measured_at=timezone.now(),
    )


def of_annotator(measurement: Measurement, name: str, *, code: str = "fine", **parts: Any) -> AnnotatorMeasure:
    annotator = Annotator.objects.filter(name=name).first() or AnnotatorFactory(name=name)
    found = of_person(suggestion={"code": code, "reasons": parts.pop("reasons", [])}, **parts)
    return AnnotatorMeasure.objects.create(
        measurement=measurement,
        annotator=annotator,
        judgements=found["judgements"],
        agreement=found["agreement"]["value"],
        reliability=found["reliability"]["value"],
        known=found["known"]["value"],
        suggestion=code,
        content=found,
    )


def of_task(measurement: Measurement, task: Task, *, information: float = 0.4, **fields: Any) -> TaskMeasure:
    said = {
        "ranking": [[0], [1, 2]],
        "pairs": [{"a": 0, "b": 1, "first": 0.6, "tie": 0.1, "second": 0.3}],
        "prompt": task.prompt.last_message[:160],
    }
    tags = "".join(f"\n{tag}\n" for tag in task.tags)
    given = {"votes": 3, "disagreement": 0.5, "sureness": 0.62, "content": said, "tags": tags, **fields}
    return TaskMeasure.objects.create(measurement=measurement, task=task, information=information, **given)

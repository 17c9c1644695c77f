"""Medians of several people's times have an interval only where people are enough; one person's own need none."""

from datetime import UTC, datetime

import pytest

from annotation.actions.quality.measuring import measure
from annotation.models import Guideline, Measurement, Project
from tests.annotation.released import judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def measured(people: int) -> Measurement:
    """Each took 10 s more than the one before, and as long for each of five tasks."""
    project: Project = ProjectFactory()
    Guideline.objects.create(project=project, number=1, text="…")
    for number in range(5):
        for person in range(people):
            judged(
                project,
                key=f"{number}-{person}",
                ranking=[[0], [1]],
                annotators=(f"a{person}",),
                at=MONDAY,
                seconds=10 * (person + 1),
                guideline_version=1,
                task={"tags": ["lang:de"]},
            )
    return measure(project)


def shared(measurement: Measurement) -> list[dict]:  # type: ignore[type-arg]
    found = measurement.content
    drift = found["drift"]
    return [
        found["guidelines"][0]["seconds"],
        found["slices"][0]["seconds"],
        *drift["pace_by_hour"],
        *drift["pace_by_week"],
    ]


def test_of_four_people_there_is_no_interval_and_it_says_why():
    for pace in shared(measured(4)):
        assert (pace["median"], pace["low"], pace["high"], pace["n"]) == (25, None, None, 20)
        assert pace["missing"] == "not enough: 4 of the 7 annotators that a number needs"


def test_of_eight_people_it_is_as_wide_as_they_differ():
    for pace in shared(measured(8)):
        assert (pace["median"], pace["low"], pace["high"], pace["n"]) == (45, 10, 80, 40)
        assert pace["missing"] == ""

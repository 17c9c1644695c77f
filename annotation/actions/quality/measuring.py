"""Measures the labels of a project as one kind of voices gave them; what is found replaces what was there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation.actions.quality import content, people, tasks
from annotation.actions.quality.claims import Claim, claimed
from annotation.actions.quality.gathering import gathered
from annotation.actions.quality.habits import Habits
from annotation.actions.quality.labels import labels_of
from annotation.actions.quality.state import State, states
from annotation.exceptions import MeasuredElsewhere
from annotation.models import AnnotatorMeasure, Measurement, Project, TaskMeasure

Tell = Callable[[str], object]
PART = 500  # rows in one statement: their JSON is long


@dataclass(frozen=True, kw_only=True)
class Found:
    content: dict[str, Any]
    annotators: list[AnnotatorMeasure] = field(default_factory=list)
    tasks: list[TaskMeasure] = field(default_factory=list)


def measure(project: Project, *, voices: str = Measurement.Voices.PEOPLE, tell: Tell = str) -> Measurement:
    """Measure now, whatever is known. `tell` hears of each step.

    Raises:
        MeasuredElsewhere: another process is at it.
    """
    measurement, _ = Measurement.objects.get_or_create(project=project, voices=voices)
    with claimed(measurement) as claim:
        began = timezone.now()
        seen = states(project)[voices]  # before anything is read: what comes meanwhile makes the figures old
        found = figures(measurement, tell=telling(claim, tell))
        store(found, claim=claim, state=seen, began=began)
    measurement.refresh_from_db()
    return measurement


def telling(claim: Claim, tell: Tell) -> Tell:
    def heard(step: str) -> None:
        claim.renew()
        tell(step)

    return heard


def figures(measurement: Measurement, *, tell: Tell) -> Found:
    tell("reading judgements")
    facts = gathered(measurement.project, voices=measurement.voices)
    tell("reliability and consensus")
    labels = labels_of(facts)
    habits = Habits(facts=facts)
    tell("agreement")
    agreement = content.agreement_of(facts, labels=labels, habits=habits)
    tell("policies, biases, slices")
    whole = content.content_of(facts, labels=labels, habits=habits, agreement=agreement)
    tell("annotators")
    rows = people.measures(measurement, facts, labels=labels, habits=habits)
    tell("tasks")
    return Found(content=whole, annotators=rows, tasks=tasks.measures(measurement, facts, labels=labels))


@transaction.atomic
def store(found: Found, *, claim: Claim, state: State, began: datetime) -> None:
    """
    Raises:
        MeasuredElsewhere: the claim was lost on the way; nothing is kept.
    """
    row = claim.held().select_for_update(no_key=True).first()
    if row is None:
        raise MeasuredElsewhere("These figures were taken over by another process; they are left to it.")
    row.annotators.all().delete()
    row.tasks.all().delete()
    AnnotatorMeasure.objects.bulk_create(found.annotators, batch_size=PART)
    TaskMeasure.objects.bulk_create(found.tasks, batch_size=PART)
    row.content, row.state, row.judgements = found.content, state.text, found.content["progress"]["judgements"]
    row.measured_at = timezone.now()
    row.seconds = (row.measured_at - began).total_seconds()  # storing included, so that it tells when it was begun
    if row.asked_at and row.asked_at <= began:
        row.asked_at = None
    row.save(update_fields=["content", "state", "judgements", "seconds", "measured_at", "asked_at"])

"""The ordinary queue: which tasks wait for a person, in which order."""

import heapq
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from annotation.actions.prepared import ANNOTATOR, AUDIENCE, NOW, PROJECT, prepared
from annotation.models import Annotator, Judgement, Project, Skip, Slot, Task

OFFERED = (Task.Purpose.LABEL, Task.Purpose.HEAD_TO_HEAD)
CANDIDATES = 32


def unmet(tasks: "QuerySet[Task]", *, by: Annotator) -> "QuerySet[Task]":
    """Those that this person neither holds nor judged nor gave back."""
    task = OuterRef("pk")
    return tasks.filter(
        ~Exists(Slot.objects.filter(task=task, annotator=by)),
        ~Exists(Skip.objects.filter(task=task, annotator=by)),
        ~Exists(Judgement.objects.filter(task=task, annotator=by)),
    )


def open_to(
    project: int | OuterRef, *, by: Annotator, audience: Sequence[int] | None, now: datetime = NOW
) -> "QuerySet[Task]":
    """What waits for this person among the tasks of some audiences (None: those for everyone)."""
    tasks = Task.objects.filter(_claimable(now=now), project=project, state=Task.State.OPEN, purpose__in=OFFERED)
    if audience is None:
        return unmet(tasks.filter(audience__isnull=True), by=by)
    one = len(audience) == 1
    return unmet(tasks.filter(audience=audience[0]) if one else tasks.filter(audience__in=audience), by=by)


def first(project: Project, *, by: Annotator, audiences: Sequence[int]) -> RawSQL | list[int]:
    """The next tasks for this person: by priority, then least filled, then age. Each audience is one short walk along
    the index `task_queue`: one walk for all would read, or sort, what is not for them."""
    values = {PROJECT: project.pk, ANNOTATOR: by.pk, NOW: timezone.now()}
    if not audiences:  # part of the query that picks the slot
        walk = prepared(_walk, True)
        return RawSQL(walk.sql, walk.params(values))  # noqa: S611  # written by Django
    found = [_walked(values, audience=audience) for audience in (None, *audiences)]
    return [pk for _, _, pk in islice(heapq.merge(*found), CANDIDATES)]


def first_among(tasks: "QuerySet[Task]", *, project: Project, by: Annotator) -> "QuerySet[Task, Any]":
    """The same among these tasks alone, whomever and whatever they are for."""
    chosen = Task.objects.filter(_claimable(now=timezone.now()), project=project, state=Task.State.OPEN, pk__in=tasks)
    return unmet(chosen, by=by).order_by("-priority", "filled", "pk")[:CANDIDATES].values("pk")


def _walked(values: dict[Any, Any], *, audience: int | None) -> list[tuple[int, int, int]]:
    walk = prepared(_walk_ranked, audience is None)
    with connection.cursor() as cursor:
        cursor.execute(walk.sql, walk.params({**values, AUDIENCE: audience}))
        return [(rank, filled, pk) for rank, filled, pk in cursor.fetchall()]


def _walk(for_everyone: bool) -> "QuerySet[Task, Any]":
    # The audience is one and the same here; naming it first lets PostgreSQL take the order from the index.
    tasks = open_to(PROJECT, by=Annotator(pk=ANNOTATOR), audience=None if for_everyone else [AUDIENCE])
    return tasks.order_by("audience_id", "-priority", "filled", "pk").values("pk")[:CANDIDATES]


def _walk_ranked(for_everyone: bool) -> "QuerySet[Task, Any]":
    ranked = _walk(for_everyone).annotate(rank=F("priority") * -1)
    return ranked.values_list("rank", "filled", "pk")


def _claimable(*, now: datetime) -> Exists:
    return Exists(Slot.objects.claimable(now=now).filter(task=OuterRef("pk")))

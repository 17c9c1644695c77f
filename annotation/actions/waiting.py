"""The ordinary queue: which tasks wait for a person, in which order."""

import heapq
from collections.abc import Sequence
from itertools import islice
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

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


def open_to(project: Project | OuterRef, *, by: Annotator, audience: int | Sequence[int] | None) -> "QuerySet[Task]":
    """What waits for this person among the tasks of one audience, or of some (None: those for everyone)."""
    tasks = Task.objects.filter(_claimable(), project=project, state=Task.State.OPEN, purpose__in=OFFERED)
    if audience is None:
        return unmet(tasks.filter(audience__isnull=True), by=by)
    some = [audience] if isinstance(audience, int) else audience
    return unmet(tasks.filter(audience__in=some) if len(some) != 1 else tasks.filter(audience=some[0]), by=by)


def first(project: Project, *, by: Annotator, audiences: Sequence[int]) -> "QuerySet[Task, Any] | list[int]":
    """The next tasks for this person: by priority, then least filled, then age. Each audience is one short walk along
    the index `task_queue`: one walk for all would read, or sort, what is not for them."""
    walks = [_walk(open_to(project, by=by, audience=audience)) for audience in (None, *audiences)]
    if len(walks) == 1:
        return walks[0].values("pk")  # part of the query that picks the slot
    found = [walk.annotate(rank=-F("priority")).values_list("rank", "filled", "pk") for walk in walks]
    return [pk for _, _, pk in islice(heapq.merge(*found), CANDIDATES)]


def first_among(tasks: "QuerySet[Task]", *, project: Project, by: Annotator) -> "QuerySet[Task, Any]":
    """The same among these tasks alone, whomever and whatever they are for."""
    chosen = Task.objects.filter(_claimable(), project=project, state=Task.State.OPEN, pk__in=tasks)
    return unmet(chosen, by=by).order_by("-priority", "filled", "pk")[:CANDIDATES].values("pk")


def _walk(tasks: "QuerySet[Task]") -> "QuerySet[Task]":
    # The audience is one and the same here; naming it first lets PostgreSQL take the order from the index.
    return tasks.order_by("audience_id", "-priority", "filled", "pk")[:CANDIDATES]


def _claimable() -> Exists:
    return Exists(Slot.objects.claimable().filter(task=OuterRef("pk")))

"""The ordinary queue: which tasks wait for a person, in which order."""

import heapq
from collections.abc import Sequence
from itertools import islice

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


def open_to(project: Project, *, by: Annotator, audience: int | None) -> "QuerySet[Task]":
    """What waits for this person among the tasks of one audience (None: those for everyone)."""
    claimable = Exists(Slot.objects.claimable().filter(task=OuterRef("pk")))
    tasks = Task.objects.filter(claimable, project=project, state=Task.State.OPEN, purpose__in=OFFERED)
    return unmet(tasks.filter(audience__isnull=True) if audience is None else tasks.filter(audience=audience), by=by)


def first(project: Project, *, by: Annotator, audiences: Sequence[int]) -> list[int]:
    """Ids of the next tasks for this person: by priority, then least filled, then age. Each audience is one short
    walk along the index `task_queue`: one walk for all would read, or sort, what is not for them."""
    walks = [_walk(open_to(project, by=by, audience=audience)) for audience in (None, *audiences)]
    return [pk for _, _, pk in islice(heapq.merge(*walks), CANDIDATES)]


def first_among(tasks: "QuerySet[Task]", *, project: Project, by: Annotator) -> list[int]:
    """The same among these tasks alone, whomever and whatever they are for."""
    claimable = Exists(Slot.objects.claimable().filter(task=OuterRef("pk")))
    chosen = Task.objects.filter(claimable, project=project, state=Task.State.OPEN, pk__in=tasks)
    found = unmet(chosen, by=by).order_by("-priority", "filled", "pk").values_list("pk", flat=True)
    return list(found[:CANDIDATES])


def _walk(tasks: "QuerySet[Task]") -> list[tuple[int, int, int]]:
    # The audience is one and the same here; naming it first lets PostgreSQL take the order from the index.
    ordered = tasks.order_by("audience_id", "-priority", "filled", "pk").annotate(rank=-F("priority"))
    return list(ordered.values_list("rank", "filled", "pk")[:CANDIDATES])

"""The ordinary queue: which tasks wait for a person, in which order."""

import heapq
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import DateTimeField, Exists, OuterRef, QuerySet
from django.utils import timezone

from annotation.models import Annotator, Draft, Judgement, Project, Skip, Slot, Task
from annotation.models.prepared import ID, Parameter, Prepared

OFFERED = (Task.Purpose.LABEL, Task.Purpose.HEAD_TO_HEAD)
CANDIDATES = 16
QUEUE = ("-priority", "filled", "pk")

Person = Annotator | Parameter


def first(project: Project, *, by: Annotator, audiences: Sequence[int]) -> Slot | None:
    """A free slot of the next task for this person: by priority, then least filled, then age. Not locked if all that
    are free were locked by others."""
    if audiences:
        return _first_of_several(project, by=by, audiences=audiences)
    asked = {"project": project.pk, "annotator": by.pk, "now": timezone.now()}
    # Skipping locked rows keeps a crowd from queueing for one slot; the second look waits for them instead.
    slot = _unlocked_slot.first(**asked) or _slot.first(**asked)
    return slot and within(project, slot)


def within(project: Project, slot: Slot) -> Slot:
    """The slot of a task of this project, which need not be read again."""
    slot.task.project = project
    return slot


def first_among(tasks: "QuerySet[Task]", *, project: Project, by: Annotator) -> Slot | None:
    """The same among these tasks alone, whomever and whatever they are for."""
    now = timezone.now()
    chosen = Task.objects.filter(_claimable(now=now), project=project, state=Task.State.OPEN, pk__in=tasks)
    slot = _locked_first(_slots(unmet(chosen, by=by).order_by(*QUEUE)[:CANDIDATES].values("pk"), now=now))
    return slot and within(project, slot)


def offered(project: Project) -> "QuerySet[Task]":
    """All that wait, for whomever; gold and the like wait for nobody, they are slipped in."""
    return Task.objects.filter(project=project, state=Task.State.OPEN, purpose__in=OFFERED)


def unmet(tasks: "QuerySet[Task]", *, by: Person) -> "QuerySet[Task]":
    """Those that this person neither holds nor judged nor gave back."""
    task = OuterRef("pk")
    return tasks.filter(
        ~Exists(Slot.objects.filter(task=task, annotator=by)),
        ~Exists(Skip.objects.filter(task=task, annotator=by)),
        ~Exists(Judgement.objects.filter(task=task, annotator=by)),
    )


def open_to(
    project: int | OuterRef | Parameter,
    *,
    by: Person,
    audience: Sequence[int] | Parameter | None,
    now: datetime | Parameter,
) -> "QuerySet[Task]":
    """What waits for this person among the tasks of some audiences (None: those for everyone)."""
    tasks = Task.objects.filter(_claimable(now=now), project=project, state=Task.State.OPEN, purpose__in=OFFERED)
    if audience is None:
        return unmet(tasks.filter(audience__isnull=True), by=by)
    if isinstance(audience, Parameter):
        return unmet(tasks.filter(audience=audience), by=by)
    return unmet(tasks.filter(audience__in=audience), by=by)


def _first_of_several(project: Project, *, by: Annotator, audiences: Sequence[int]) -> Slot | None:
    """Each audience is one short walk along the index `task_queue`: one walk for all would read, or sort, what is not
    for them."""
    while True:
        now = timezone.now()
        asked = {"project": project.pk, "annotator": by.pk, "now": now}
        walks = [_for_everyone(**asked), *(_for_audience(**asked, audience=audience) for audience in audiences)]
        merged = heapq.merge(*walks, key=lambda task: (-task.priority, task.filled, task.pk))
        tasks = [task.pk for task in islice(merged, CANDIDATES)]
        slot = _locked_first(_slots(tasks, now=now))
        if slot is not None or not tasks:
            return slot and within(project, slot)
        # All of them were taken since we looked.


def _walk(
    *, project: Parameter, annotator: Parameter, now: Parameter, audience: Parameter | None = None
) -> "QuerySet[Task]":
    # The audience is one and the same here; naming it first lets PostgreSQL take the order from the index.
    tasks = open_to(project, by=annotator, audience=audience, now=now)
    return tasks.order_by("audience_id", *QUEUE)[:CANDIDATES]


def _walked(*, project: Parameter, annotator: Parameter, now: Parameter) -> "QuerySet[Any]":
    tasks = _walk(project=project, annotator=annotator, now=now)
    draft = Exists(Draft.objects.filter(task=OuterRef("task"), annotator=annotator))
    slots: QuerySet[Any] = _slots(tasks.values("pk"), now=now).annotate(has_draft=draft)
    return slots


def _slots(tasks: "QuerySet[Any] | list[int]", *, now: datetime | Parameter) -> "QuerySet[Any]":
    slots = Slot.objects.claimable(now=now).filter(task__in=tasks).select_related("task__prompt")
    return slots.order_by("-task__priority", "task__filled", "task__id", "number")


def _locked_first(slots: "QuerySet[Slot]") -> Slot | None:
    return slots.select_for_update(skip_locked=True, of=("self",)).first() or slots.first()


def _claimable(*, now: datetime | Parameter) -> Exists:
    return Exists(Slot.objects.claimable(now=now).filter(task=OuterRef("pk")))


_ASKED: dict[str, Any] = {"project": ID, "annotator": ID, "now": DateTimeField()}
_slot = Prepared(lambda **asked: _walked(**asked)[:1], **_ASKED)
_unlocked_slot = Prepared(
    lambda **asked: _walked(**asked).select_for_update(skip_locked=True, of=("self",))[:1], **_ASKED
)
_for_everyone = Prepared(lambda **asked: _walk(**asked).only("priority", "filled"), **_ASKED)
_for_audience = Prepared(lambda **asked: _walk(**asked).only("priority", "filled"), **_ASKED, audience=ID)

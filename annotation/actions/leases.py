"""Who works on what, for how long. The conditional updates and the constraints of `Slot` are the guarantee:
locks only save work, and SQLite ignores them."""

import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from annotation.actions import members
from annotation.exceptions import InvalidJudgement, InvalidRow, NotFound, SlotLost
from annotation.formats import drafts, rows
from annotation.models import Annotator, Draft, Guideline, Judgement, Project, Skip, Slot, Task, TaskResponse

MAX_REASON = 2000
CANDIDATES = 32
KEPT = "your work is kept as a draft"

_order = random.SystemRandom()


@transaction.atomic
def claim(project: Project, *, by: Annotator, among: "QuerySet[Task] | None" = None) -> Slot | None:
    """Lease the next slot of the queue to the annotator; their own lease first, renewed, even one that ran out
    as long as nobody took it. None: nothing waits for them, or the project is paused or has ended. With `among`
    only those tasks are looked at.

    Raises:
        NotFound: they are no member of the project.
    """
    if not members.takes_part(project, annotator=by):
        raise NotFound(f"There is no project {project.slug!r} that you are a member of.")
    # Two tabs of one person queue up here on PostgreSQL; on SQLite every transaction does.
    Annotator.objects.select_for_update(no_key=True).get(pk=by.pk)
    own = _own(project, by=by, among=among)
    if own is not None and _renewed(own, by=by):
        return own
    while waiting := list(_waiting(project, by=by, among=among)[:CANDIDATES]):
        slots = Slot.objects.claimable().filter(task__in=waiting).select_related("task__project", "task__prompt")
        slots = slots.order_by("-task__priority", "task__filled", "task__id", "number")
        # Skipping locked rows keeps a crowd from queueing for one slot; the second look waits for them instead.
        slot = slots.select_for_update(skip_locked=True, of=("self",)).first() or slots.first()
        if slot is not None and _taken(slot, by=by):
            return slot
        # Each miss means that somebody else got a slot, so this ends.
    return None


def renew(slot: Slot, *, by: Annotator) -> Slot:
    """Start the lease anew, also one that ran out if nobody took the slot.

    Raises:
        SlotLost, NotFound: see `loss`.
    """
    if error := loss(slot, by=by):
        raise error
    if not _renewed(slot, by=by):
        slot.refresh_from_db()
        raise loss(slot, by=by) or NotFound(f"There is no slot {slot.pk} that is yours.")
    return slot


@transaction.atomic
def skip(slot: Slot, *, by: Annotator, reason: str) -> Skip:
    """Give the slot back; the task is never offered to this annotator again. A second call changes nothing.

    Raises:
        InvalidJudgement: a reason that is too long or cannot be stored.
        SlotLost, NotFound: see `loss`.
    """
    reason = _reason(reason)
    if given_back := Skip.objects.filter(task=slot.task_id, annotator=by).first():
        return given_back
    if error := loss(slot, by=by):
        raise error
    freed = Slot.objects.filter(pk=slot.pk, annotator=by, state=Slot.State.LEASED).update(
        state=Slot.State.OPEN,
        annotator=None,
        lease_expires_at=None,
        leased_at=None,
        order=[],
        guideline_version=None,
        submission_key=uuid.uuid4(),
    )
    if not freed:
        slot.refresh_from_db()
        raise loss(slot, by=by) or NotFound(f"There is no slot {slot.pk} that is yours.")
    Draft.objects.filter(task=slot.task_id, annotator=by).delete()
    return Skip.objects.create(task_id=slot.task_id, annotator=by, reason=reason)


def save_draft(slot: Slot, *, by: Annotator, content: Any) -> Draft:
    """Keep unfinished work on the slot's task; it stays when the lease is lost.

    Raises:
        InvalidJudgement: larger than 256 kB, or not of the shape that `drafts.check` asks for.
        SlotLost: already judged.
        NotFound: they never had this slot.
    """
    kept = drafts.check(content, size=TaskResponse.objects.filter(task=slot.task_id).count())
    error = loss(slot, by=by)
    filled = slot.annotator_id == by.pk and slot.state == Slot.State.FILLED
    if error and (filled or isinstance(error, NotFound)):
        raise error
    draft, _ = Draft.objects.update_or_create(task_id=slot.task_id, annotator=by, defaults={"content": kept})
    return draft


def draft_of(slot: Slot, *, by: Annotator) -> dict[str, Any]:
    """The annotator's own unfinished work on the slot's task; empty if there is none."""
    content = Draft.objects.filter(task=slot.task_id, annotator=by).values_list("content", flat=True).first()
    return dict(content or {})


def held_by(annotator: Annotator, *, slot_id: int) -> Slot:
    """The slot with its task, prompt and project, if this annotator has it or had it.

    Raises:
        NotFound: no such slot, or somebody else's: both look the same to a stranger.
    """
    slot = Slot.objects.select_related("task__project", "task__prompt").filter(pk=slot_id).first()
    if slot is None or isinstance(loss(slot, by=annotator), NotFound):
        raise NotFound(f"There is no slot {slot_id} that is yours.")
    return slot


def loss(slot: Slot, *, by: Annotator) -> SlotLost | NotFound | None:
    """Why this annotator may not go on with the slot; None while it is theirs to fill, lease expired or not."""
    if slot.annotator_id != by.pk:
        return _loss_to_others(slot, by=by)
    if slot.state == Slot.State.FILLED:
        return SlotLost("You have already judged this task and your judgement stands; go on with the next one.")
    if not members.takes_part(slot.task.project, annotator=by):
        return SlotLost(f"You are no longer a member of {slot.task.project}; {KEPT}. Ask its admin.")
    return _stopped(slot.task)


def _stopped(task: Task) -> SlotLost | None:
    if task.project.state == Project.State.PAUSED:
        return SlotLost(f"{task.project} is paused and takes nothing in; {KEPT}. Send it when the project goes on.")
    if task.project.state == Project.State.ENDED:
        return SlotLost(f"{task.project} has ended and takes nothing in; {KEPT}.")
    if task.state == Task.State.WITHDRAWN:
        return SlotLost(f"This task was withdrawn; {KEPT}. Go on with the next one.")
    return None


def _loss_to_others(slot: Slot, *, by: Annotator) -> SlotLost | NotFound:
    # Whoever loses a slot is left a draft (see `_taken`) or a skip: that tells them from a stranger.
    if Skip.objects.filter(task=slot.task_id, annotator=by).exists():
        return SlotLost(f"You gave this task back; {KEPT}. Go on with the next one.")
    if Draft.objects.filter(task=slot.task_id, annotator=by).exists():
        return SlotLost(
            f"Your lease on this task ran out and it was given to someone else; {KEPT}. Go on with the next one."
        )
    return NotFound(f"There is no slot {slot.pk} that is yours.")


def _own(project: Project, *, by: Annotator, among: "QuerySet[Task] | None") -> Slot | None:
    held = Slot.objects.filter(
        annotator=by,
        state=Slot.State.LEASED,
        task__project=project,
        task__state=Task.State.OPEN,
        task__project__state=Project.State.ACTIVE,
    )
    if among is not None:
        held = held.filter(task__in=among)
    return held.select_related("task__project", "task__prompt").order_by("leased_at", "pk").first()


def _waiting(project: Project, *, by: Annotator, among: "QuerySet[Task] | None") -> "QuerySet[Task, int]":
    """Tasks with a claimable slot that this annotator has not met, in the order in which they get them. Walks the
    index `task_queue` and stops at the first hits; a join with the slots would sort the whole queue."""
    task = OuterRef("pk")
    waiting = Task.objects.filter(
        Exists(Slot.objects.claimable().filter(task=task)),
        ~Exists(Slot.objects.filter(task=task, annotator=by)),
        ~Exists(Skip.objects.filter(task=task, annotator=by)),
        ~Exists(Judgement.objects.filter(task=task, annotator=by)),
        project=project,
        project__state=Project.State.ACTIVE,
        state=Task.State.OPEN,
    )
    if among is not None:
        waiting = waiting.filter(pk__in=among)
    return waiting.order_by("-priority", "filled", "id").values_list("pk", flat=True)


def _taken(slot: Slot, *, by: Annotator) -> bool:
    """Lease the slot unless somebody was faster; on success `slot` holds the new lease."""
    before = slot.annotator_id
    positions = list(TaskResponse.objects.filter(task=slot.task_id).values_list("position", flat=True))
    _order.shuffle(positions)
    now = timezone.now()
    lease = {
        "state": Slot.State.LEASED,
        "annotator": by,
        "leased_at": now,
        "lease_expires_at": _expiry(slot, now),
        "order": positions,
        "guideline_version": _newest_guideline(slot.task.project),
        "submission_key": uuid.uuid4(),
    }
    if not Slot.objects.claimable().filter(pk=slot.pk, annotator=before).update(**lease):
        return False
    if before is not None:
        Draft.objects.bulk_create([Draft(task_id=slot.task_id, annotator_id=before)], ignore_conflicts=True)
    for name, value in lease.items():
        setattr(slot, name, value)
    return True


def guideline_of(slot: Slot) -> Guideline | None:
    """The guideline to show with this lease: a newer one counts from the next lease on."""
    if slot.guideline_version is None:
        return None
    return Guideline.objects.filter(project=slot.task.project_id, number=slot.guideline_version).first()


def _newest_guideline(project: Project) -> int | None:
    return project.guidelines.order_by("-number").values_list("number", flat=True).first()


def _renewed(slot: Slot, *, by: Annotator) -> bool:
    expiry = _expiry(slot, timezone.now())
    mine = Slot.objects.filter(pk=slot.pk, annotator=by, state=Slot.State.LEASED)
    if not mine.update(lease_expires_at=expiry):
        return False
    slot.lease_expires_at = expiry
    return True


def _expiry(slot: Slot, now: datetime) -> datetime:
    return now + timedelta(minutes=slot.task.project.lease_minutes)


def _reason(reason: str) -> str:
    try:
        kept = rows.text_of(reason, "reason").strip()
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    if len(kept) > MAX_REASON:
        raise InvalidJudgement(f"The reason has {len(kept)} characters; at most {MAX_REASON} are kept: shorten it.")
    return kept

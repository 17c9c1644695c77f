"""Who works on what, for how long. The conditional updates and the constraints of `Slot` are the guarantee:
locks only save work, and SQLite ignores them."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from annotation.actions import audiences, hidden, members, orders, pauses, seats, slots, waiting
from annotation.actions.seats import Standing
from annotation.exceptions import AnnotationError, InvalidJudgement, InvalidRow, NotFound, SlotLost
from annotation.formats import drafts, values
from annotation.models import Annotator, Draft, Judgement, Project, Skip, Slot, Task, TaskResponse

MAX_REASON = 2000
FRESH = 0.9  # share of a lease that makes renewing it superfluous


class Page(NamedTuple):
    """What the page knows of the moment at which it was opened."""

    submission_key: uuid.UUID
    revises: int | None


class Following(NamedTuple):
    """The slot to come, and whether it comes after the reserve that the page has or in its place."""

    slot: Slot | None
    holds_reserve: bool = False


def claim(
    project: Project,
    *,
    by: Annotator,
    among: "QuerySet[Task] | None" = None,
    ahead_of: Slot | uuid.UUID | None = None,
) -> Slot | None:
    """Lease the next slot to the annotator; their own lease first, renewed, even one that ran out as long as nobody
    took it. With `ahead_of` (a slot or its token), the one that comes after it: the reserve. None: nothing waits for
    them, or the project is paused or has ended. With `among` only those tasks are looked at, and neither guidelines
    nor qualification nor hidden tasks stand between. The task brings its `placed` answers along.

    Raises:
        NotFound: they are no member of the project.
        Paused: an admin has paused their work.
        GuidelineUnread: there are newer guidelines than they confirmed.
        NotQualified: the qualification tasks did not go well enough.
    """
    with transaction.atomic():
        found = _next(project, by=by, among=among, ahead_of=ahead_of)
    return _told(found).slot


def go_on(project: Project, *, by: Annotator, reserve: uuid.UUID) -> Following:
    """What comes after a task: the reserve with this token, if it is still theirs and under the newest guidelines,
    and the new reserve; else only the next slot. What is held is renewed, unless it is as good as new. Raises as
    `claim` does, but what stands before the new reserve comes up only after the old one."""
    with transaction.atomic():
        found = _next(project, by=by, reserve=reserve)
    return _told(found)


def _told(found: Following | AnnotationError) -> Following:
    """Errors are raised only after the transaction, so that what was written (how the qualification went) stays."""
    if isinstance(found, AnnotationError):
        raise found
    return found


def _next(
    project: Project,
    *,
    by: Annotator,
    among: "QuerySet[Task] | None" = None,
    ahead_of: Slot | uuid.UUID | None = None,
    reserve: uuid.UUID | None = None,
) -> Following | AnnotationError:
    standing = seats.standing(project, annotator=by)
    gated = among is None and by.user_id is not None
    holds = False
    if stop := _stop(project, standing, gated=gated):
        return stop
    for slot in _held(project, by=by, among=among, reserve=reserve):
        is_reserve = slot.token == reserve and slot.guideline_version == standing.newest_guideline
        if ahead_of in (slot, slot.token) or not _resumed(slot, standing, by=by):
            continue
        if not is_reserve:
            return Following(waiting.within(project, slot), holds_reserve=holds)
        holds = True
    if among is not None:
        return Following(_ordinary(lambda: waiting.first_among(among, project=project, by=by), standing, by=by))
    found = _gated(project, standing, by=by) if gated else _queued(project, standing, by=by, hides=False)
    if isinstance(found, AnnotationError):
        return Following(None, holds_reserve=True) if holds else found
    return Following(found, holds_reserve=holds)


def _stop(project: Project, standing: Standing, *, gated: bool) -> Following | AnnotationError | None:
    if not standing.takes_part:
        return _no_member(project)
    if standing.project_state != Project.State.ACTIVE:
        return Following(None)
    if paused := pauses.stop(standing.seat, project=project):
        return paused
    return seats.unread(project, standing) if gated else None


def _gated(project: Project, standing: Standing, *, by: Annotator) -> Slot | AnnotationError | None:
    """The next task of a person: first the qualification set, if there is one."""
    seat = standing.seat
    if standing.has_qualification and seat.qualification == seat.Qualification.OPEN:
        slot = hidden.qualify(project, standing, by=by)
        if slot is not None or seat.qualification == seat.Qualification.OPEN:
            return slot if slot is not None and _taken(slot, standing, by=by) else None
    if standing.has_qualification and seat.qualification == seat.Qualification.FAILED:
        return seats.not_qualified(project)
    return _queued(project, standing, by=by, hides=True)


def _queued(project: Project, standing: Standing, *, by: Annotator, hides: bool) -> Slot | None:
    admitting: list[int] = []
    if standing.has_audiences:
        memberships = [standing.membership] if standing.membership else []
        admitting = audiences.admitting([project], annotator=by, memberships=memberships)[project.pk]
    checks = (lambda: hidden.instead(project, by=by, audiences=admitting)) if hides else None
    return _ordinary(lambda: waiting.first(project, by=by, audiences=admitting), standing, by=by, checks=checks)


def _ordinary(
    look: Callable[[], Slot | None],
    standing: Standing,
    *,
    by: Annotator,
    checks: Callable[[], Slot | None] | None = None,
) -> Slot | None:
    """The first of the queue, or a hidden task in its place."""
    while (slot := look()) is not None:
        if checks is not None:
            slot, checks = checks() or slot, None
        if _taken(slot, standing, by=by):
            return slot
        # Each miss means that somebody else got a slot, so this ends.
    return None


def renew(slot: Slot, *, by: Annotator) -> Slot:
    """Start the lease anew, also one that ran out if nobody took the slot; the reserve lives on with it.

    Raises:
        SlotLost, NotFound: see `loss`.
    """
    if error := loss(slot, by=by):
        raise error
    expiry = _expiry(slot.task.project, timezone.now())
    mine = Slot.objects.filter(annotator=by, state=Slot.State.LEASED)
    if not mine.filter(pk=slot.pk).update(lease_expires_at=expiry):
        slot.refresh_from_db()
        raise loss(slot, by=by) or _not_yours()
    slot.lease_expires_at = expiry
    mine.filter(task__project=slot.task.project_id).exclude(pk=slot.pk).update(lease_expires_at=expiry)
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
    if not slots.give_back(Slot.objects.filter(pk=slot.pk, annotator=by)):
        slot.refresh_from_db()
        raise loss(slot, by=by) or _not_yours()
    Draft.objects.filter(task=slot.task_id, annotator=by).delete()
    hidden.given_back(slot.task)
    return Skip.objects.create(task_id=slot.task_id, annotator=by, reason=reason)


@transaction.atomic
def save_draft(slot: Slot, *, by: Annotator, content: Any, page: Page | None = None) -> Draft:
    """Keep unfinished work on the slot's task; it stays when the lease is lost. On a task that they judged it is the
    beginning of a revision, as long as the project takes those. With `page`, only what was chosen on the page that
    holds today: a draft that comes after its submission would come back as a revision that nobody wants.

    Raises:
        InvalidJudgement: larger than 256 kB, or not of the shape that `drafts.check` asks for.
        SlotLost: already judged, and no longer to be revised; given back; or chosen on a page of before.
        NotFound: they never had this slot.
    """
    kept = drafts.check(content, size=TaskResponse.objects.filter(task=slot.task_id).count())
    now = slots.locked.first(slot=slot.pk) or slot
    revises = _revision(now, by=by)
    if error := _undraftable(now, by=by, revises=revises, page=page):
        raise error
    draft, _ = Draft.objects.update_or_create(
        task_id=slot.task_id, annotator=by, defaults={"content": kept, "revises": revises}
    )
    return draft


def _undraftable(slot: Slot, *, by: Annotator, revises: int | None, page: Page | None) -> AnnotationError | None:
    error = loss(slot, by=by)
    if slot.annotator_id != by.pk:
        given_back = Skip.objects.filter(task=slot.task_id, annotator=by).exists()
        return error if given_back or isinstance(error, NotFound) else None
    if slot.state != Slot.State.FILLED:
        return _superseded() if page and page.submission_key != slot.submission_key else None
    if (page and page.revises is None) or not _revisable(slot, by=by):
        return error
    return _superseded() if page and page.revises != revises else None


def _revision(slot: Slot, *, by: Annotator) -> int | None:
    """Which revision of what they said at the slot holds; None: they have not said anything yet."""
    made = Judgement.objects.current().filter(slot=slot.pk, annotator=by.pk)
    return made.values_list("revision", flat=True).first() if slot.state == Slot.State.FILLED else None


def _superseded() -> SlotLost:
    return SlotLost(gettext("You went on with this task in another window: go on there, or load it again."))


def draft_of(slot: Slot, *, by: Annotator) -> dict[str, Any]:
    """The annotator's own unfinished work on the slot's task; empty if there is none."""
    draft = drafted(slot, by=by, revises=_revision(slot, by=by))
    return dict(draft.content or {}) if draft else {}


def drafted(slot: Slot, *, by: Annotator, revises: int | None = None) -> Draft | None:
    """The same with when it was kept; of a revision if they judged the task. What was to replace another revision
    than the one that holds is left where it is."""
    draft = slots.draft.first(task=slot.task_id, annotator=by.pk)
    return draft if draft and draft.revises == revises else None


def shown_to(user: User, *, slug: str, token: uuid.UUID) -> Slot | None:
    """The slot with its task, project and annotator, if this member of the project has it or had it; None: look
    closer, for they may be a superuser, or have lost it."""
    return slots.shown_to.first(token=token, user=user.pk, slug=slug)


def held_by(annotator: Annotator, *, token: uuid.UUID) -> Slot:
    """The slot with its task, prompt and project, if this annotator has it or had it.

    Raises:
        NotFound: no such slot, or somebody else's: both look the same to a stranger.
    """
    slot = slots.by_token.first(token=token)
    if slot is None:
        raise _not_yours()
    if slot.annotator_id != annotator.pk and isinstance(error := loss(slot, by=annotator), NotFound):
        raise error
    return slot


def loss(slot: Slot, *, by: Annotator) -> SlotLost | NotFound | None:
    """Why this annotator may not go on with the slot; None while it is theirs to fill, lease expired or not."""
    if slot.annotator_id != by.pk:
        return _loss_to_others(slot, by=by)
    if slot.state == Slot.State.FILLED:
        return SlotLost(
            gettext("You have already judged this task and your judgement stands; go on with the next one.")
        )
    if not members.takes_part(slot.task.project, annotator=by):
        return SlotLost(
            gettext("You are no longer a member of %(project)s; your work is kept as a draft. Ask its admin.")
            % {"project": slot.task.project}
        )
    return _stopped(slot.task)


def _stopped(task: Task) -> SlotLost | None:
    project = {"project": task.project}
    if task.project.state == Project.State.PAUSED:
        sentence = gettext(
            "%(project)s is paused and takes nothing in; your work is kept as a draft. Send it when it goes on."
        )
        return SlotLost(sentence % project)
    if task.project.state == Project.State.ENDED:
        sentence = gettext("%(project)s has ended and takes nothing in; your work is kept as a draft.")
        return SlotLost(sentence % project)
    if task.state == Task.State.WITHDRAWN:
        return SlotLost(gettext("This task was withdrawn; your work is kept as a draft. Go on with the next one."))
    return None


def _loss_to_others(slot: Slot, *, by: Annotator) -> SlotLost | NotFound:
    # Whoever loses a slot is left a draft (see `_taken`) or a skip: that tells them from a stranger.
    if Skip.objects.filter(task=slot.task_id, annotator=by).exists():
        return SlotLost(gettext("You gave this task back: go on with the next one."))
    if Draft.objects.filter(task=slot.task_id, annotator=by).exists():
        if reason := pauses.reason_now(slot.task.project, annotator=by).first():
            return SlotLost(pauses.told(reason, project=slot.task.project))
        return SlotLost(
            gettext(
                "This task was given to someone else while you were away; your work is kept as a draft. "
                "Go on with the next one."
            )
        )
    return _not_yours()


def _not_yours() -> NotFound:
    return NotFound(gettext("There is no such task that is yours."))


def _revisable(slot: Slot, *, by: Annotator) -> bool:
    project = slot.task.project
    open_still = not project.revisions_locked and project.state != Project.State.ENDED
    return open_still and members.takes_part(project, annotator=by)


def _held(
    project: Project, *, by: Annotator, among: "QuerySet[Task] | None", reserve: uuid.UUID | None
) -> "Iterable[Slot]":
    if among is not None:
        return slots.leased_to(by, project=project).filter(task__in=among)
    # Of the reserve, which is nearly always all that they hold, the page needs nothing more.
    ask = slots.leased if reserve is None else slots.leased_alone
    return ask(annotator=by.pk, project=project.pk)


def _taken(slot: Slot, standing: Standing, *, by: Annotator) -> bool:
    """Lease the slot unless somebody was faster; on success `slot` holds the new lease."""
    before, seen, now, key = slot.annotator_id, slot.submission_key, timezone.now(), uuid.uuid4()
    lease = {
        "annotator": by.pk,
        "lease_expires_at": _expiry(standing.seat.project, now),
        "order": orders.draw(standing.seat, task=slot.task, unlike=hidden.order_before(slot, by=by)),
        "guideline_version": standing.newest_guideline,
    }
    if not slots.lease_out(slot=slot.pk, seen=seen, now=now, key=key, **lease):
        return False
    if before is not None:
        Draft.objects.bulk_create([Draft(task_id=slot.task_id, annotator_id=before)], ignore_conflicts=True)
    for name, value in {**lease, "annotator": by, "state": Slot.State.LEASED, "leased_at": now}.items():
        setattr(slot, name, value)
    slot.submission_key = key
    orders.remember(standing.seat, slot=slot)
    return True


def _resumed(slot: Slot, standing: Standing, *, by: Annotator) -> bool:
    """Whether the lease is still theirs. Renewed, unless it is as good as new, and under the newest guideline."""
    now, guideline = timezone.now(), standing.newest_guideline
    expiry = _expiry(standing.seat.project, now)
    left = slot.lease_expires_at - now if slot.lease_expires_at else timedelta()
    if left > FRESH * (expiry - now) and slot.guideline_version == guideline:
        return True
    mine = Slot.objects.filter(pk=slot.pk, annotator=by, state=Slot.State.LEASED)
    if not mine.update(lease_expires_at=expiry, guideline_version=guideline):
        return False
    slot.lease_expires_at, slot.guideline_version = expiry, guideline
    return True


def _expiry(project: Project, now: datetime) -> datetime:
    return now + timedelta(minutes=project.lease_minutes)


def _no_member(project: Project) -> NotFound:
    return NotFound(gettext("There is no project %(slug)r that you are a member of.") % {"slug": project.slug})


def _reason(reason: str) -> str:
    try:
        kept = values.text_of(reason, "reason").strip()
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    if len(kept) > MAX_REASON:
        sentence = gettext("The reason has %(n)s characters; at most %(most)s are kept: shorten it.")
        raise InvalidJudgement(sentence % {"n": len(kept), "most": MAX_REASON})
    return kept

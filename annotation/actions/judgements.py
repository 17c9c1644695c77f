import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.actions import exclusions, leases, members, pauses, slots
from annotation.actions.comparisons import comparisons_of
from annotation.exceptions import AlreadyJudged, InvalidJudgement, InvalidRow, NotFound, SlotLost
from annotation.formats import answers, drafts, rubric
from annotation.formats.rows import judgement_uid
from annotation.models import Annotator, Draft, Judgement, Project, Response, Slot, Task

logger = logging.getLogger(__name__)


def submit(
    slot_id: int,
    *,
    by: Annotator,
    submission_key: UUID,
    source: str = Judgement.Source.HUMAN,
    read: Slot | None = None,
    **said: Unpack[answers.Said],
) -> Judgement:
    """Fill exactly one slot with what the annotator said. The same sent again with the same key: the judgement made
    before.

    A lease that ran out is no reason to refuse, as long as nobody else took the slot. What the project asks for must
    be there; of an annotator without a person (a simulated one) only the ranking. `read` is the slot as this request
    has read it, which saves reading it again; what counts is what the update finds.

    Raises:
        InvalidJudgement: it does not fit the task or its project; nothing changed.
        AlreadyJudged: they said something else about the task before; what was sent is kept as a draft to revise it.
        SlotLost: the slot is gone or takes nothing in; what was sent is kept as the draft.
        NotFound: no such slot, or it was never theirs.
    """
    given = _given(said, source=source)
    try:
        return _fill(slot_id, by=by, submission_key=submission_key, said=given, source=source, read=read)
    except SlotLost:
        stands = Judgement.objects.current().filter(task__slots=slot_id, annotator=by).first()
        if stands and (stands.slot_id != slot_id or revisable(stands) or _says(stands, given, by=by)):
            raise
        _keep_as_draft(slot_id, by=by, said=given)
        if stands:
            raise _judged_already() from None
        raise


def revise(
    slot_id: int,
    *,
    by: Annotator,
    submission_key: UUID,
    revises: int,
    source: str = Judgement.Source.HUMAN,
    **said: Unpack[answers.Said],
) -> Judgement:
    """Say something else about a task than revision `revises` did: a new judgement that holds from now on, while the
    old one is kept. The same sent again with the same key: the revision made before.

    Raises:
        InvalidJudgement: it does not fit the task or its project, or there is nothing yet to revise; nothing changed.
        SlotLost: it can no longer be revised, or was revised meanwhile; what was sent is kept as the draft.
        NotFound: no such slot, or it was never theirs.
    """
    given = _given(said, source=source)
    try:
        return _replace(slot_id, by=by, submission_key=submission_key, revises=revises, said=given, source=source)
    except SlotLost:
        _keep_as_draft(slot_id, by=by, said=given)
        raise


def latest(project: Project, *, by: Annotator, limit: int = 50) -> list[Judgement]:
    """What this annotator said last in the project, newest first, as it holds today; each with its slot and task."""
    made = Judgement.objects.current().filter(annotator=by, task__project=project, slot__isnull=False)
    return list(made.select_related("slot", "task__prompt", "task__project").order_by("-pk")[:limit])


def current_of(slot: Slot, *, by: Annotator) -> Judgement | None:
    """What holds today of what this annotator said at the slot; why their work is paused, if it is, and whether what
    they said counts."""
    paused = pauses.reason_now(OuterRef("task__project"), annotator=OuterRef("annotator"))
    made = Judgement.objects.current().filter(slot=slot, annotator=by).annotate(paused_because=Subquery(paused[:1]))
    return exclusions.marked(made.select_related("slot", "task__prompt", "task__project")).first()


def revisable(judgement: Judgement) -> str:
    """Why the judgement can no longer be revised; empty while it can."""
    task, project = judgement.task, judgement.task.project
    reasons = {
        _("You have revised this judgement since."): judgement.revised_by_id is not None,
        _("This judgement was not made here and cannot be revised here."): judgement.slot_id is None,
        _("The judgements of %(project)s are locked and can no longer be revised."): project.revisions_locked,
        _("%(project)s has ended: its judgements can no longer be revised."): project.state == Project.State.ENDED,
        _("%(project)s is paused: revise this when it goes on."): project.state == Project.State.PAUSED,
        _("This task was withdrawn: there is nothing to revise."): task.state == Task.State.WITHDRAWN,
    }
    if paused := getattr(judgement, "paused_because", None):
        return pauses.told(paused, project=project)
    return next((reason % {"project": project} for reason, holds in reasons.items() if holds), "")


def asked_of(project: Project, *, by: Annotator) -> answers.Asked:
    """What the project asks this annotator for."""
    return answers.Asked(
        ties=project.ties_allowed,
        strength=project.strength_asked,
        acceptability=project.acceptability_asked,
        reason=project.reason_asked,
        flags=project.flags_asked,
        highlights=project.highlights_asked,
        edit=project.edit_asked,
        rubric=rubric.parse(project.criteria),
        only_ranking=by.user_id is None,
    )


def _given(said: answers.Said, *, source: str) -> dict[str, Any]:
    if source not in Judgement.Source.values:
        raise InvalidJudgement(f"source: {source!r} is none of {', '.join(Judgement.Source.values)}")
    return {name: value for name, value in said.items() if value not in (None, "")}


class _Outrun(Exception):
    """Someone was faster between our look and our update: perhaps this very submission, sent twice."""


def _fill(
    slot_id: int, *, by: Annotator, submission_key: UUID, said: dict[str, Any], source: str, read: Slot | None
) -> Judgement:
    try:
        with transaction.atomic():
            slot = read or _slot(slot_id)
            if (slot.annotator_id, slot.state, slot.submission_key) != (by.pk, Slot.State.LEASED, submission_key):
                return _made_or_lost(slot, by=by, submission_key=submission_key, said=said)
            responses = [place.response for place in slot.task.placed]
            answer = _checked(said, slot=slot, by=by, responses=responses)
            judgement = _judgement(slot, answer, by=by, source=source, key=submission_key)
            _take_in(judgement, by=by)
            slots.settle(comparisons_of(judgement, responses=responses), task=slot.task_id, annotator=by.pk)
            return judgement
    except _Outrun:
        slot.refresh_from_db()
        return _made_or_lost(slot, by=by, submission_key=submission_key, said=said)
    except IntegrityError as error:
        if made := _made_before(submission_key, slot_id=slot_id, by=by, said=said):
            return made
        raise _conflict(slot_id, by=by, error=error) from error


def _take_in(judgement: Judgement, *, by: Annotator) -> None:
    """Fill the slot with it, if it is still theirs and may still be filled: all of it asked in the one update."""
    asked = {
        "slot": judgement.slot_id,
        "task": judgement.task_id,
        "annotator": by.pk,
        "key": judgement.submission_key,
        "now": timezone.now(),
    }
    if by.user_id is None:
        filled, counted = slots.take_in([judgement], **asked)
    else:
        member = {"user": by.user_id, "project": judgement.task.project_id}
        filled, counted = slots.take_in_of_member([judgement], **asked, **member)
    if not filled:
        raise _Outrun
    if not counted:
        Task.objects.filter(pk=judgement.task_id).recount()


def _made_or_lost(slot: Slot, *, by: Annotator, submission_key: UUID, said: Mapping[str, Any]) -> Judgement:
    if made := _made_before(submission_key, slot_id=slot.pk, by=by, said=said):
        return made
    raise leases.loss(slot, by=by) or _stale()


def _replace(
    slot_id: int, *, by: Annotator, submission_key: UUID, revises: int, said: dict[str, Any], source: str
) -> Judgement:
    try:
        with transaction.atomic():
            if made := _made_before(submission_key, slot_id=slot_id, by=by, said=said):
                return made
            slot = slots.locked.first(slot=slot_id) or _slot(slot_id)
            old = _to_revise(slot, by=by, revises=revises)
            responses = [place.response for place in slot.task.placed]
            answer = _checked(said, slot=slot, by=by, responses=responses)
            new = _judgement(slot, answer, by=by, source=source, key=submission_key, old=old)
            slots.insert_judgement([new])
            slots.settle(comparisons_of(new, responses=responses), task=slot.task_id, annotator=by.pk)
            # One judgement of a task may stand at a time: the old one steps down before the new one steps up.
            if not Judgement.objects.current().filter(pk=old.pk).update(revised_by=new):
                raise _revised_meanwhile()
            Judgement.objects.filter(pk=new.pk).update(revised_by=None)
            exclusions.carry_over(old, new=new)
            new.revised_by = None
            return new
    except IntegrityError as error:
        # Another window was faster: perhaps with this very revision, sent twice.
        if made := _made_before(submission_key, slot_id=slot_id, by=by, said=said):
            return made
        raise _revised_meanwhile() from error


def _to_revise(slot: Slot, *, by: Annotator, revises: int) -> Judgement:
    current = current_of(slot, by=by)
    if current is None:
        if isinstance(error := leases.loss(slot, by=by), NotFound | SlotLost):
            raise error
        raise InvalidJudgement(_("You have not submitted this task yet: there is nothing to revise."))
    if why_not := revisable(current):
        raise SlotLost(_("%(why_not)s What you changed is kept as a draft.") % {"why_not": why_not})
    if current.revision != revises:
        raise _revised_meanwhile()
    if not members.takes_part(slot.task.project, annotator=by):
        project = {"project": slot.task.project}
        raise SlotLost(_("You are no longer a member of %(project)s; what you changed is kept as a draft.") % project)
    return current


def _revised_meanwhile() -> SlotLost:
    return SlotLost(
        _(
            "You revised this judgement in another window meanwhile; what you changed here is kept as a draft. "
            "Open the task again."
        )
    )


def _conflict(slot_id: int, *, by: Annotator, error: IntegrityError) -> SlotLost | NotFound:
    """What the database refused, told by what stands there now: a constraint's name is not the same everywhere."""
    if Judgement.objects.filter(task__slots=slot_id, annotator=by).exists():
        return SlotLost(_("You have already judged this task and your judgement stands."))
    if loss := leases.loss(_slot(slot_id), by=by):
        return loss
    logger.error("judgement on slot %s refused by the database: %s", slot_id, error)
    return SlotLost(_("The task changed while you sent this; your work is kept as a draft. Load the task again."))


def _made_before(submission_key: UUID, *, slot_id: int, by: Annotator, said: Mapping[str, Any]) -> Judgement | None:
    """The judgement that this very submission made. Two windows with one page send other things with one key."""
    made = Judgement.objects.filter(submission_key=submission_key).first()
    if made is None or (made.slot_id, made.annotator_id) != (slot_id, by.pk):
        return None
    return made if _says(made, said, by=by) else None


def _says(made: Judgement, said: Mapping[str, Any], *, by: Annotator) -> bool:
    """Whether the judgement holds just this; how long it took is no part of it."""
    texts = [place.response.text for place in made.task.placed]
    try:
        answer = vars(answers.read(said, texts=texts, asked=replace(asked_of(made.task.project, by=by), ties=True)))
    except InvalidRow:
        return False
    return all(getattr(made, name) == value for name, value in answer.items() if name != "seconds")


def _judged_already() -> AlreadyJudged:
    return AlreadyJudged(
        _(
            "You have already judged this task, perhaps in another tab. What you sent here is kept; open it to "
            "revise your judgement."
        )
    )


def _slot(slot_id: int) -> Slot:
    slot = Slot.objects.select_related("task__project").filter(pk=slot_id).first()
    if slot is None:
        raise NotFound(_("There is no task here that is yours."))
    return slot


def _stale() -> SlotLost:
    return SlotLost(
        _("This page is from an earlier lease of the task; your work is kept as a draft. Load the task again.")
    )


def _checked(said: Mapping[str, Any], *, slot: Slot, by: Annotator, responses: Sequence[Response]) -> answers.Answer:
    texts = [response.text for response in responses]
    return answers.check(said, texts=texts, asked=asked_of(slot.task.project, by=by))


def _judgement(
    slot: Slot, answer: answers.Answer, *, by: Annotator, source: str, key: UUID, old: Judgement | None = None
) -> Judgement:
    """Not stored yet. As a revision it does not hold at first: meanwhile it points at the first one, the only one
    that no other points at."""
    revision = old.revision + 1 if old else 0
    first = old and (old if old.revision == 0 else Judgement.objects.get(slot=slot, annotator=by, revision=0))
    return Judgement(
        task=slot.task,
        slot=slot,
        annotator=by,
        uid=judgement_uid(task_key=slot.task.key, annotator=by.name, revision=revision),
        revision=revision,
        revised_by=first,
        source=source,
        shown=slot.order,
        guideline_version=slot.guideline_version,
        submission_key=key,
        at=timezone.now(),
        **vars(answer),
    )


def _keep_as_draft(slot_id: int, *, by: Annotator, said: dict[str, Any]) -> None:
    task = Slot.objects.get(pk=slot_id).task_id
    content = drafts.fitting(answers.bounded(said), size=Response.objects.filter(positions__task=task).count())
    # Sent on purpose: it comes back when the task is opened again, whatever was said there meanwhile.
    said_last = Judgement.objects.current().filter(slot=slot_id, annotator=by).values_list("revision", flat=True)
    kept = {"content": content, "revises": said_last.first()}
    Draft.objects.update_or_create(task_id=task, annotator=by, defaults=kept)

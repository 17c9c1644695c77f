import logging
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.actions import leases
from annotation.exceptions import InvalidJudgement, NotFound, SlotLost
from annotation.formats import answers, drafts
from annotation.formats.rows import Ranking, judgement_uid
from annotation.models import Annotator, Comparison, Draft, Judgement, Response, Slot, Task, TaskResponse

logger = logging.getLogger(__name__)


def submit(
    slot_id: int,
    *,
    by: Annotator,
    submission_key: UUID,
    ranking: Ranking,
    strength: int | None = None,
    acceptable: list[int] | None = None,
    ratings: Mapping[str, list[float]] | None = None,
    flags: Sequence[Any] | None = None,
    reason: str = "",
    edited: Mapping[str, str] | None = None,
    seconds: float | None = None,
    source: str = Judgement.Source.HUMAN,
) -> Judgement:
    """Fill exactly one slot with what the annotator said. Sent again with the same key: the judgement made before.

    A lease that ran out is no reason to refuse, as long as nobody else took the slot.

    Raises:
        InvalidJudgement: it does not fit the task; nothing changed.
        SlotLost: the slot is gone or takes nothing in; what was sent is kept as the draft.
        NotFound: no such slot, or it was never theirs.
    """
    values = (ranking, strength, acceptable, ratings, flags, reason, edited, seconds)
    said = {name: value for name, value in zip(answers.FIELDS, values, strict=True) if value not in (None, "")}
    if source not in Judgement.Source.values:
        raise InvalidJudgement(f"source: {source!r} is none of {', '.join(Judgement.Source.values)}")
    try:
        return _fill(slot_id, by=by, submission_key=submission_key, said=said, source=source)
    except SlotLost:
        _keep_as_draft(slot_id, by=by, said=said)
        raise


def comparisons_of(judgement: Judgement, *, responses: Sequence[Response]) -> list[Comparison]:
    """One unsaved comparison for each pair of ranked positions, better first; `responses` by position.

    A pair of one tie group is a tie and has no strength. What was left unranked is compared with nothing.
    """
    placed = [(rank, position) for rank, group in enumerate(judgement.ranking) for position in sorted(group)]
    return [
        Comparison(
            judgement=judgement,
            winner=responses[better],
            loser=responses[worse],
            tie=rank == other_rank,
            strength=None if rank == other_rank else judgement.strength,
        )
        for (rank, better), (other_rank, worse) in combinations(placed, 2)
    ]


def _fill(slot_id: int, *, by: Annotator, submission_key: UUID, said: dict[str, Any], source: str) -> Judgement:
    try:
        with transaction.atomic():
            if made := _made_before(submission_key, slot_id=slot_id, by=by):
                return made
            slot = _slot(slot_id, by=by, submission_key=submission_key)
            responses = _responses(slot.task)
            answer = answers.check(
                said,
                size=len(responses),
                ties_allowed=slot.task.project.ties_allowed,
                criteria=answers.parse_criteria(slot.task.project.criteria),
            )
            if not _slot_filled(slot, by=by, submission_key=submission_key):
                # Someone was faster between our look and our update: perhaps this very submission, sent twice.
                if made := _made_before(submission_key, slot_id=slot_id, by=by):
                    return made
                slot.refresh_from_db()
                raise leases.loss(slot, by=by) or _stale()
            return _stored(slot, answer, by=by, source=source, responses=responses)
    except IntegrityError as error:
        if made := _made_before(submission_key, slot_id=slot_id, by=by):
            return made
        raise _conflict(slot_id, by=by, error=error) from error


def _conflict(slot_id: int, *, by: Annotator, error: IntegrityError) -> SlotLost | NotFound:
    """What the database refused, told by what stands there now: a constraint's name is not the same everywhere."""
    if Judgement.objects.filter(task__slots=slot_id, annotator=by).exists():
        return SlotLost("You have already judged this task and your judgement stands.")
    slot = Slot.objects.select_related("task__project").filter(pk=slot_id).first()
    if slot is None:
        return NotFound(f"There is no slot {slot_id} that is yours.")
    if loss := leases.loss(slot, by=by):
        return loss
    logger.error("judgement on slot %s refused by the database: %s", slot_id, error)
    return SlotLost(f"The task changed while you sent this; {leases.KEPT}. Load the task again.")


def _made_before(submission_key: UUID, *, slot_id: int, by: Annotator) -> Judgement | None:
    made = Judgement.objects.filter(submission_key=submission_key).first()
    return made if made and (made.slot_id, made.annotator_id) == (slot_id, by.pk) else None


def _slot(slot_id: int, *, by: Annotator, submission_key: UUID) -> Slot:
    slot = Slot.objects.select_related("task__project").filter(pk=slot_id).first()
    if slot is None:
        raise NotFound(f"There is no slot {slot_id} that is yours.")
    if error := leases.loss(slot, by=by):
        raise error
    if slot.submission_key != submission_key:
        raise _stale()
    return slot


def _stale() -> SlotLost:
    return SlotLost(f"This page is from an earlier lease of the task; {leases.KEPT}. Load the task again.")


def _responses(task: Task) -> list[Response]:
    positions = TaskResponse.objects.filter(task=task).select_related("response").order_by("position")
    return [position.response for position in positions]


def _slot_filled(slot: Slot, *, by: Annotator, submission_key: UUID) -> bool:
    mine = Slot.objects.filter(pk=slot.pk, annotator=by, state=Slot.State.LEASED, submission_key=submission_key)
    return bool(mine.update(state=Slot.State.FILLED, lease_expires_at=None, filled_at=timezone.now()))


def _stored(
    slot: Slot, answer: answers.Answer, *, by: Annotator, source: str, responses: Sequence[Response]
) -> Judgement:
    judgement = Judgement.objects.create(
        task=slot.task,
        slot=slot,
        annotator=by,
        uid=judgement_uid(task_key=slot.task.key, annotator=by.name, revision=0),
        source=source,
        shown=slot.order,
        guideline_version=slot.guideline_version,
        submission_key=slot.submission_key,
        at=timezone.now(),
        **vars(answer),
    )
    Comparison.objects.bulk_create(comparisons_of(judgement, responses=responses))
    Task.objects.filter(pk=slot.task_id).recount()
    Draft.objects.filter(task=slot.task_id, annotator=by).delete()
    return judgement


def _keep_as_draft(slot_id: int, *, by: Annotator, said: dict[str, Any]) -> None:
    """What was refused is kept, but for a task that this person has judged: there the judgement stands."""
    slot = Slot.objects.get(pk=slot_id)
    if not Judgement.objects.filter(task=slot.task_id, annotator=by).exists():
        content = drafts.fitting(answers.bounded(said), size=TaskResponse.objects.filter(task=slot.task_id).count())
        Draft.objects.update_or_create(task_id=slot.task_id, annotator=by, defaults={"content": content})

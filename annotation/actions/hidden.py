"""Tasks that check on us: gold and repeats among the ordinary ones, and the qualification set before them. Each gets
its slot when a person meets it, and nothing that the person sees tells it from any other task."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from annotation.actions import seats, waiting
from annotation.actions.seats import Standing
from annotation.formats.hashing import content_hash
from annotation.models import Annotator, Judgement, Project, Slot, Task, TaskResponse
from annotation.stats import known
from annotation.stats.known import Ranking, Score

HIDDEN = (Task.Purpose.GOLD, Task.Purpose.REPEAT)
APART = 10  # judgements between a task and its repeat
FEWEST_APART = 2  # while a person has not made more
REACH = 200  # how far back a repeat is looked for
LONGEST_KEY = 200

_chance = random.SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What a person is told after a task whose answer is known."""

    right: bool
    known: Ranking
    explanation: str


def instead(project: Project, *, by: Annotator, audiences: Sequence[int]) -> Slot | None:
    """Perhaps a slot of a hidden task to give in place of an ordinary one, at the project's rates. Only where an
    ordinary task waits too: a queue that ends, and then does not, would give hidden ones away."""
    kind = drawn(gold=project.gold_rate, repeat=project.repeat_rate, chance=_chance.random())
    if kind is None or _last_was_hidden(project, by=by):
        return None
    if kind == Task.Purpose.GOLD:
        return gold_slot(project, by=by, audiences=audiences)
    return repeat_slot(project, by=by)


def drawn(*, gold: float, repeat: float, chance: float) -> str | None:
    """Which kind comes now, for a `chance` from 0 to 1. As no two hidden ones follow each other, an ordinary task is
    followed by one with probability t / (1 - t), which makes their share of all tasks t; it is at most a half."""
    total = gold + repeat
    if total <= 0:
        return None
    follow = min(1.0, total / (1 - total)) if total < 1 else 1.0
    if chance >= follow:
        return None
    return Task.Purpose.GOLD if chance < follow * gold / total else Task.Purpose.REPEAT


def gold_slot(project: Project, *, by: Annotator, audiences: Sequence[int]) -> Slot | None:
    """An open slot of a gold task that this person has not met, each as likely as the others."""
    gold = Task.objects.filter(project=project, purpose=Task.Purpose.GOLD, known__isnull=False)
    admitted = gold.filter(Q(audience__isnull=True) | Q(audience__in=audiences))
    return _open_slot(waiting.unmet(admitted.exclude(state=Task.State.WITHDRAWN), by=by))


def qualification_slot(project: Project, *, by: Annotator) -> Slot | None:
    return _open_slot(waiting.unmet(seats.qualification_tasks().filter(project=project), by=by))


def repeat_slot(project: Project, *, by: Annotator) -> Slot | None:
    """An open slot of a new task that asks again what this person has judged some time ago."""
    before = _long_judged(project, by=by)
    if not before:
        return None
    task = Task.objects.select_related("project", "prompt").get(pk=_chance.choice(before))
    again = Task.objects.create(
        project=task.project,
        prompt=task.prompt,
        key=_repeat_key(task.key, annotator=by.name),
        purpose=Task.Purpose.REPEAT,
        repeats=task,
        audience_id=task.audience_id,
        priority=task.priority,
        generation=task.generation,
        strategy="repeat",
        tags=task.tags,
        metadata=task.metadata,
    )
    places = task.positions.values_list("response", "position")
    TaskResponse.objects.bulk_create(
        TaskResponse(task=again, response_id=response, position=position) for response, position in places
    )
    slot = Slot.objects.create(task=again, number=1)
    slot.has_draft = False  # type: ignore[attr-defined]  # as the queue says of the others: it is not asked for again
    return slot


def given_back(task: Task) -> None:
    """A repeat is for one person alone: once they gave it back, nobody is to be asked any more."""
    if task.purpose == Task.Purpose.REPEAT:
        Task.objects.filter(pk=task.pk, state=Task.State.OPEN).update(state=Task.State.WITHDRAWN)
        task.state = Task.State.WITHDRAWN


def order_before(slot: Slot, *, by: Annotator) -> list[int]:
    """The order in which this person saw the task that this one repeats; empty for other tasks."""
    if slot.task.purpose != Task.Purpose.REPEAT:
        return []
    before = Slot.objects.filter(task=slot.task.repeats_id, annotator=by).values_list("order", flat=True).first()
    return before or []


def qualify(project: Project, standing: Standing, *, by: Annotator) -> Slot | None:
    """The next qualification task of a person who has not been through them, or their result written on the seat
    (which then is open no longer). None without a result: what they hold must be judged first."""
    if _at_work(project, by=by):
        seats.waive(project, annotator=by, by=None)
        standing.seat.qualification = standing.seat.Qualification.WAIVED
        return None
    if slot := qualification_slot(project, by=by):
        return slot
    tasks = seats.qualification_tasks().filter(project=project)
    if not tasks.filter(slots__annotator=by, slots__state=Slot.State.LEASED).exists():
        seats.settle(standing.seat, score=qualification_score(project, by=by), needed=project.qualification_pass)
    return None


def qualification_score(project: Project, *, by: Annotator) -> Score:
    """Over all qualification tasks; one that was given back counts as wrong. First judgements only."""
    said = dict(
        Judgement.objects.filter(annotator=by, revision=0, task__purpose=Task.Purpose.QUALIFICATION)
        .filter(task__project=project)
        .values_list("task", "ranking")
    )
    tasks = seats.qualification_tasks().filter(project=project).values_list("pk", "known")
    return known.total(known.score(said.get(pk, []), answer["ranking"]) for pk, answer in tasks if answer)


def feedback(judgement: Judgement) -> Feedback | None:
    """Whether a known answer was met, where the project tells people; None for every other judgement."""
    task = judgement.task
    told = task.purpose in (Task.Purpose.GOLD, Task.Purpose.QUALIFICATION) and task.project.gold_feedback
    if not told or task.known is None:
        return None
    answer: dict[str, Any] = task.known
    score = known.score(judgement.ranking, answer["ranking"])
    return Feedback(
        right=score.right == score.pairs, known=answer["ranking"], explanation=answer.get("explanation", "")
    )


def _last_was_hidden(project: Project, *, by: Annotator) -> bool:
    slots = Slot.objects.filter(annotator=by, task__project=project).values_list("task__purpose", flat=True)
    held = slots.filter(state=Slot.State.LEASED).order_by("-leased_at").first()
    return (held or slots.filter(state=Slot.State.FILLED).order_by("-filled_at").first()) in HIDDEN


def _open_slot(tasks: "QuerySet[Task]") -> Slot | None:
    """A free slot on one of these tasks, made if there is none; the task's overlap follows."""
    pks = list(tasks.values_list("pk", flat=True))
    if not pks:
        return None
    # Locked, so that two people who meet it at once do not make the same slot.
    locked = Task.objects.select_related("project", "prompt").select_for_update(no_key=True, of=("self",))
    task = locked.get(pk=_chance.choice(pks))
    slot = Slot.objects.filter(task=task, state=Slot.State.OPEN).first()
    if slot is not None:
        slot.task = task
    else:
        number = (task.slots.aggregate(last=Max("number"))["last"] or 0) + 1
        slot = Slot.objects.create(task=task, number=number)
        Task.objects.filter(pk=task.pk).update(overlap=number, state=Task.State.OPEN)
    return slot


def _long_judged(project: Project, *, by: Annotator) -> list[int]:
    """Tasks that this person judged here and was not asked again, not among their latest. With few judgements only
    the oldest, so that something lies between."""
    judged = Slot.objects.filter(
        Exists(TaskResponse.objects.filter(task=OuterRef("task"))),
        annotator=by,
        state=Slot.State.FILLED,
        task__project=project,
        task__purpose=Task.Purpose.LABEL,
    ).order_by("-filled_at", "-pk")
    latest = list(judged.values_list("task", "task__key")[: APART + REACH])
    if len(latest) <= FEWEST_APART:
        return []
    old = {_repeat_key(key, annotator=by.name): task for task, key in latest[APART:] or latest[-1:]}
    asked = set(Task.objects.filter(project=project, key__in=old).values_list("key", flat=True))
    return [task for key, task in old.items() if key not in asked]


def _repeat_key(key: str, *, annotator: str) -> str:
    plain = f"repeat:{key}:{annotator}"
    return plain if len(plain) <= LONGEST_KEY else f"repeat:{content_hash([key, annotator])}"


def _at_work(project: Project, *, by: Annotator) -> bool:
    """Whether they did real tasks before there was a qualification set."""
    return Slot.objects.filter(annotator=by, task__project=project, task__purpose__in=waiting.OFFERED).exists()

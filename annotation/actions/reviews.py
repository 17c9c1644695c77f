"""What a reviewer decides where people disagreed. It stands beside their judgements and changes none of them."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.actions import audiences, audit, known_answers, leases, members, waiting
from annotation.exceptions import InvalidJudgement, InvalidRow
from annotation.formats import answers, values
from annotation.formats.row_judgements import Ranking
from annotation.models import Adjudication, Project, Seat, Skip, Slot, Task

MAX_REASON = 10_000
READ = "read as a reviewer"  # as the reason of a skip


@transaction.atomic
def adjudicate(task: Task, *, by: User, ranking: Ranking, reason: str, known: bool = False) -> Adjudication:
    """Add a decision; the newest one of a task counts, older ones stay. The same one sent twice is one. If `known`,
    it is also used as a known answer from now on.

    Raises:
        InvalidJudgement: it does not rank every answer of the task, or gives no reason.
        InvalidTask: no known answer can be made of it; then nothing is kept.
    """
    # Two tabs of one reviewer queue up here on PostgreSQL; on SQLite every transaction does.
    Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    checked, why = _checked(ranking, size=task.positions.count(), reason=reason)
    if known:
        known_answers.adopt(task, by=by, ranking=checked, explanation=why)
    newest = task.adjudications.first()
    if newest and (newest.by_id, newest.ranking, newest.reason) == (by.pk, checked, why):
        return newest
    made = Adjudication.objects.create(task=task, by=by, ranking=checked, reason=why)
    audit.record("task adjudicated", f"task {task.pk}", by=by, ranking=checked, replaces=newest and newest.pk)
    return made


def _checked(ranking: Ranking, *, size: int, reason: str) -> tuple[Ranking, str]:
    """Ties are a reviewer's to give, whatever the project allows its annotators."""
    try:
        why = values.text_of(reason, "reason").strip()
        complete = answers.complete_ranking(ranking, size=size, ties_allowed=True)
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    if not why:
        raise InvalidJudgement("A decision needs its reason: say what settled it.")
    if len(why) > MAX_REASON:
        raise InvalidJudgement(f"The reason has {len(why)} characters; at most {MAX_REASON} are kept: shorten it.")
    return complete, why


def is_ranked_still(task: Task) -> bool:
    """Whether the queue still wants a ranking of any of its answers. Until then nobody is told who wrote them:
    whoever reviews may sit at the desk too. Known answers and repeats wait for nobody in particular."""
    queued = Task.objects.filter(state=Task.State.OPEN, purpose__in=waiting.OFFERED)
    mine = Q(pk=task.pk) | Q(positions__response__in=task.positions.values("response"))
    return queued.filter(mine).exists()


def asked_of(user: User, *, project: Project) -> "QuerySet[Task]":
    """The tasks that this person holds or may still be given, if they have a seat at the project's desk: what others
    said of them, or what is known, would tell what to answer. With a repeat that they hold, what it repeats."""
    tasks = Task.objects.filter(project=project).exclude(state=Task.State.WITHDRAWN)
    seat = Seat.objects.filter(project=project, annotator__user=user).select_related("annotator").first()
    if seat is None or project.state == Project.State.ENDED:
        return tasks.none()
    holds = Exists(Slot.objects.filter(task=OuterRef("pk"), annotator=seat.annotator, state=Slot.State.LEASED))
    repeated = tasks.filter(holds, purpose=Task.Purpose.REPEAT).values("repeats")
    theirs = audiences.admitting([project], annotator=seat.annotator)[project.pk]
    may_come = waiting.unmet(tasks.filter(Q(audience__isnull=True) | Q(audience__in=theirs)), by=seat.annotator)
    may_come = may_come.filter(_given_out(seat))
    # One condition, not a list of ids: whoever asks about a few tasks has no others looked at.
    return tasks.filter(holds | Q(pk__in=repeated)) | may_come


def _given_out(seat: Seat) -> Q:
    """What this seat may be given, by purpose. Each person gets a slot of their own on known answers."""
    queued = Q(purpose__in=waiting.OFFERED, state=Task.State.OPEN)
    known = [Task.Purpose.GOLD]
    if seat.qualification == Seat.Qualification.OPEN:
        known.append(Task.Purpose.QUALIFICATION)
    return queued | Q(purpose__in=known, known__isnull=False)


@transaction.atomic
def read_instead(task: Task, *, by: User) -> None:
    """This person will not judge the task, so that they may read what was said of it: it is given back, or never
    offered. A second call changes nothing.

    Raises:
        SlotLost: they hold it, and its project is paused.
    """
    if not asked_of(by, project=task.project).filter(pk=task.pk).exists():
        return
    annotator = members.annotator_of(by)
    # A claim locks the seat too: nothing of this is given to them meanwhile.
    Seat.objects.select_for_update(no_key=True).get(project=task.project, annotator=annotator)
    asked = Q(task=task) | Q(task__repeats=task, task__purpose=Task.Purpose.REPEAT)
    held = Slot.objects.filter(asked, annotator=annotator, state=Slot.State.LEASED)
    for slot in held.select_related("task__project"):
        leases.skip(slot, by=annotator, reason=READ)
    if waiting.unmet(Task.objects.filter(pk=task.pk), by=annotator).exists():
        Skip.objects.create(task=task, annotator=annotator, reason=READ)
    audit.record("task read as a reviewer", f"task {task.pk}", by=by)


@transaction.atomic
def reveal(task: Task, *, by: User) -> bool:
    """Whether this person may be told who wrote the answers; it is written down that they were."""
    if is_ranked_still(task) or asked_of(by, project=task.project).filter(pk=task.pk).exists():
        return False
    audit.record("authors revealed", f"task {task.pk}", by=by)
    return True

"""More people for the tasks that the first ones leave open, between a project's minimum and its maximum."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from annotation.actions import audiences, audit, exclusions, waiting
from annotation.models import (
    Audience,
    Exclusion,
    Judgement,
    Measurement,
    Membership,
    Project,
    Seat,
    Skip,
    Slot,
    Task,
    TaskMeasure,
)

BATCH = 500
Asked = tuple[int, int | None]  # a task and its audience


def widen(project: Project) -> int:
    """Give each task on which all votes are in, and still leave open what is best, one place more. How many tasks.

    It stands on the newest figures about people: call it after each measurement. A task that somebody judged since
    waits for the next one, and a task on which nobody is left to be asked stays as it is.
    """
    if project.most_overlap is None or project.state != Project.State.ACTIVE:
        return 0
    measurement = project.measurements.filter(voices=Measurement.Voices.PEOPLE).first()
    if measurement is None or measurement.measured_at is None:
        return 0
    began = measurement.measured_at - timedelta(seconds=measurement.seconds)
    most = max(project.overlap, project.most_overlap)
    unsure = list(_unsure(measurement, began=began, most=most).values_list("task", "task__audience"))
    unsure += _without_votes(project, began=began).values_list("pk", "audience")
    able = _able(project) if unsure else {}
    widened = sum(
        _widened(_with_somebody_left(unsure[start : start + BATCH], able=able))
        for start in range(0, len(unsure), BATCH)
    )
    if widened:
        asked = {"tasks": widened, "most": most, "sureness": project.sureness}
        audit.record("more people asked", f"project {project.slug}", by=None, **asked)
    return widened


def _unsure(measurement: Measurement, *, began: datetime, most: int) -> QuerySet[TaskMeasure]:
    """First those of which most is to be learned. A vote that counts no more is none: it makes room for another."""
    robbed = Q(votes__lt=measurement.project.overlap) & Q(votes__lt=F("task__overlap"))
    return measurement.tasks.filter(
        Q(sureness__lt=measurement.project.sureness) | robbed,
        _settled("task", began=began),
        task__state=Task.State.DONE,
        task__purpose__in=waiting.OFFERED,
        votes__lt=most,
    ).order_by("-information", "task")


def _without_votes(project: Project, *, began: datetime) -> QuerySet[Task]:
    """Tasks of which all that was said is excluded: no figures know them."""
    excluded = Exclusion.objects.current().filter(judgement__task__project=project)
    counting = exclusions.counting(Judgement.objects.current().filter(task=OuterRef("pk")))
    return Task.objects.filter(
        ~Exists(counting),
        _settled("pk", began=began),
        pk__in=excluded.values("judgement__task"),
        state=Task.State.DONE,
        purpose__in=waiting.OFFERED,
    ).order_by("pk")


def _settled(task: str, *, began: datetime) -> Q:
    """It was in the queue, and nothing was said or excluded there since the figures were begun."""
    slots = Slot.objects.filter(task=OuterRef(task))
    changed = Exclusion.objects.filter(judgement__task=OuterRef(task))
    since = changed.filter(Q(created_at__gte=began) | Q(lifted_at__gte=began))
    return Q(Exists(slots), ~Exists(slots.filter(filled_at__gte=began)), ~Exists(since))


def _able(project: Project) -> dict[int | None, set[int]]:
    """Users who can be given a task, by its audience: annotators, and whoever else has sat down at the desk."""
    seats = {
        seat.annotator.user_id: seat for seat in Seat.objects.filter(project=project).select_related("annotator")
    }
    members = Membership.objects.filter(project=project, user__is_active=True).select_related("user__annotator")
    named = list(Audience.objects.filter(project=project))
    found: dict[int | None, set[int]] = defaultdict(set)
    for member in members:
        seat = seats.get(member.user_id)
        if not _may_come(member, seat):
            continue
        found[None].add(member.user_id)
        person = seat.annotator.name if seat else ""
        for audience in named:
            if audiences.admits(audience, person=person, groups=member.groups, skills=member.skills):
                found[audience.pk].add(member.user_id)
    return found


def _may_come(member: Membership, seat: Seat | None) -> bool:
    if seat is None:
        return member.role == Membership.Role.ANNOTATOR
    return seat.paused_at is None and seat.qualification != Seat.Qualification.FAILED


def _with_somebody_left(asked: Sequence[Asked], *, able: Mapping[int | None, set[int]]) -> list[int]:
    tasks = [task for task, _ in asked]
    met: dict[int, set[int]] = defaultdict(set)
    for model in (Slot, Skip, Judgement):
        rows = model._default_manager.filter(task__in=tasks, annotator__user__isnull=False).order_by()
        for task, user in rows.values_list("task", "annotator__user"):
            met[task].add(user)
    return [task for task, audience in asked if able.get(audience, set()) - met[task]]


@transaction.atomic
def _widened(tasks: Sequence[int]) -> int:
    """Locked as `recount` locks them: who comes second finds the task open again, and leaves it."""
    done = Task.objects.filter(pk__in=tasks, state=Task.State.DONE)
    locked = list(done.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    last = Slot.objects.filter(task__in=locked).order_by().values_list("task").annotate(last=Max("number"))
    Slot.objects.bulk_create([Slot(task_id=task, number=number + 1) for task, number in last])
    Task.objects.filter(pk__in=locked).recount()
    return len(locked)

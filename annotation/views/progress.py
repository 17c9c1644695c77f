"""How much a person has done and how much waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.utils import timezone

from annotation.actions import audiences, waiting
from annotation.actions.prepared import ANNOTATOR, NOW, PROJECT, TODAY, prepared
from annotation.models import Annotator, Audience, Project, Seat, Slot

MOST_COUNTED = 200
STEP = 10
COLUMNS = ("pk", "open", "held", "done", "done_today", "has_audiences", "failed")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`more`: there is more than was counted. Where hidden tasks come between the others, `waiting` goes in tens, for
    one that left the number as it was would give itself away."""

    done: int
    done_today: int
    waiting: int
    more: bool = False
    rounded: bool = False

    def after_one(self) -> "Progress":
        """As it will be once the task in hand is done, for a page that is fetched ahead."""
        waiting = self.waiting if self.more or self.rounded else max(0, self.waiting - 1)
        return replace(self, done=self.done + 1, done_today=self.done_today + 1, waiting=waiting)


class _Counted(Subquery):
    """How many rows a query has that may be cut short: the count of all of a long queue would cost a scan of it."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) _counted)"
    output_field = IntegerField()


def progress_in(projects: Sequence[Project], *, annotator: Annotator) -> dict[int, Progress]:
    """Progress by project id, in one query, or four where tasks are for some people only."""
    found = _found(projects, annotator=annotator)
    for pk, n in _for_audiences([p for p in projects if found[p.pk]["has_audiences"]], annotator=annotator).items():
        found[pk]["open"] += n
    return {project.pk: _progress(project, found[project.pk]) for project in projects}


def _found(projects: Sequence[Project], *, annotator: Annotator) -> dict[int, dict[str, Any]]:
    if not projects:
        return {}
    query = prepared(_rows, len(projects))
    values: dict[Any, Any] = {_place(index): project.pk for index, project in enumerate(projects)}
    values |= {ANNOTATOR: annotator.pk, NOW: timezone.now(), TODAY: _midnight()}
    with connection.cursor() as cursor:
        cursor.execute(query.sql, query.params(values))
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return {row["pk"]: row for row in rows}


def _place(index: int) -> int:
    """What stands for the id of the project at this place among several."""
    return PROJECT * 1000 - index


def _rows(n: int) -> "QuerySet[Project, Any]":
    someone, project = Annotator(pk=ANNOTATOR), OuterRef("pk")
    slots = Slot.objects.filter(annotator=someone, task__project=project).order_by().values("pk")
    filled = slots.filter(state=Slot.State.FILLED)
    for_everyone = waiting.open_to(project, by=someone, audience=None).values("pk")
    failed = Seat.objects.filter(annotator=someone, project=project, qualification=Seat.Qualification.FAILED)
    return (
        Project.objects.filter(pk__in=[_place(index) for index in range(n)])
        .annotate(
            open=_Counted(for_everyone[: MOST_COUNTED + 1]),
            held=_Counted(slots.filter(state=Slot.State.LEASED)),
            done=_Counted(filled),
            done_today=_Counted(filled.filter(filled_at__gte=TODAY)),
            has_audiences=Exists(Audience.objects.filter(project=project)),
            failed=Exists(failed),
        )
        .order_by()
        .values_list(*COLUMNS)
    )


def _for_audiences(projects: Sequence[Project], *, annotator: Annotator) -> dict[int, int]:
    """How much waits for this person that is not for everyone."""
    admitting = audiences.admitting(projects, annotator=annotator) if projects else {}
    theirs = [pk for found in admitting.values() for pk in found]
    if not theirs:
        return {}
    tasks = waiting.open_to(OuterRef("pk"), by=annotator, audience=theirs, now=timezone.now()).values("pk")
    counted = Project.objects.filter(pk__in=[project.pk for project in projects])
    return dict(counted.annotate(open=_Counted(tasks[: MOST_COUNTED + 1])).values_list("pk", "open"))


def _progress(project: Project, row: dict[str, Any]) -> Progress:
    found = row["open"] + row["held"] if project.state == Project.State.ACTIVE and not row["failed"] else 0
    more = found > MOST_COUNTED
    found = min(found, MOST_COUNTED)
    rounded = bool(project.gold_rate or project.repeat_rate)
    if rounded:
        found = -(-found // STEP) * STEP
    return Progress(done=row["done"], done_today=row["done_today"], waiting=found, more=more, rounded=rounded)


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)

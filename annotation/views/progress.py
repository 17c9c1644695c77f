"""How much a person has done and how much waits for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import DateTimeField, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from annotation.actions import audiences, seats, waiting
from annotation.models import Annotator, Audience, Project, Seat, Slot
from annotation.models.prepared import ID, Parameter, Prepared

MOST_COUNTED = 200
IN_SHORT = re.compile("([0-9]{1,9}-){3}[01]-[01]")
STEP = 10
RECOUNTED = 5  # tasks done until what waits is counted anew: others work on it too
SELDOM = 25  # the same where only "200+" is shown


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`more`: there is more than was counted. Where hidden tasks come between the others, `waiting` goes in tens, for
    one that left the number as it was would give itself away."""

    done: int
    done_today: int
    waiting: int
    more: bool = False
    rounded: bool = False

    @classmethod
    def as_shown(cls, text: str) -> "Progress | None":
        """What `in_short` has written; None for anything else, and now and then, to be counted anew."""
        if not IN_SHORT.fullmatch(text):
            return None
        done, done_today, waiting, more, rounded = map(int, text.split("-"))
        if (done + 1) % (SELDOM if more else RECOUNTED) == 0:
            return None
        return cls(done=done, done_today=done_today, waiting=waiting, more=bool(more), rounded=bool(rounded))

    @property
    def few(self) -> bool:
        """The last ten where the number goes in tens: "10" until the end would be untrue."""
        return self.rounded and not self.more and 0 < self.waiting <= STEP

    @property
    def in_short(self) -> str:
        """For the page to send back when it asks ahead, so that nothing is counted for most tasks."""
        return f"{self.done}-{self.done_today}-{self.waiting}-{self.more:d}-{self.rounded:d}"

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
    more = _for_audiences([p for p in projects if found[p.pk].has_audiences], annotator=annotator)
    return {p.pk: _progress(p, found[p.pk], for_audiences=more.get(p.pk, 0)) for p in projects}


def _found(projects: Sequence[Project], *, annotator: Annotator) -> dict[int, Any]:
    if not projects:
        return {}
    asked = {f"project_{index}": project.pk for index, project in enumerate(projects)}
    counted = _counted(len(projects))
    return {p.pk: p for p in counted(**asked, annotator=annotator.pk, now=timezone.now(), midnight=_midnight())}


@cache
def _counted(projects: int) -> Prepared[Project]:
    """For so many projects at once."""
    asked = {f"project_{index}": ID for index in range(projects)}
    return Prepared(_rows, annotator=ID, now=DateTimeField(), midnight=DateTimeField(), **asked)


def _rows(*, annotator: Parameter, now: Parameter, midnight: Parameter, **projects: Parameter) -> "QuerySet[Any]":
    project = OuterRef("pk")
    slots = Slot.objects.filter(annotator=annotator, task__project=project).order_by().values("pk")
    filled = slots.filter(state=Slot.State.FILLED)
    for_everyone = waiting.open_to(project, by=annotator, audience=None, now=now).values("pk")
    failed = Q(qualification=Seat.Qualification.FAILED) | Q(paused_at__isnull=False)
    stopped = Seat.objects.filter(failed, annotator=annotator, project=project)
    # They wait like all others: a number that stood still would tell which tasks they are.
    qualifying = waiting.unmet(_qualification(project, by=annotator), by=annotator).values("pk")
    return (
        Project.objects.filter(pk__in=list(projects.values()))
        .annotate(
            open=_Counted(for_everyone[: MOST_COUNTED + 1]),
            qualifying=_Counted(qualifying[: MOST_COUNTED + 1]),
            held=_Counted(slots.filter(state=Slot.State.LEASED)),
            done=_Counted(filled),
            done_today=_Counted(filled.filter(filled_at__gte=midnight)),
            has_audiences=Exists(Audience.objects.filter(project=project)),
            stopped=Exists(stopped),
        )
        .order_by()
        .only("pk")
    )


def _qualification(project: OuterRef, *, by: Parameter) -> "QuerySet[Any]":
    """The qualification set, for whoever has yet to go through it."""
    its_project = OuterRef("project")
    settled = Seat.objects.filter(annotator=by, project=its_project).exclude(qualification=Seat.Qualification.OPEN)
    at_work = Slot.objects.filter(annotator=by, task__project=its_project, task__purpose__in=waiting.OFFERED)
    return seats.qualification_tasks().filter(~Exists(settled), ~Exists(at_work), project=project)


def _for_audiences(projects: Sequence[Project], *, annotator: Annotator) -> dict[int, int]:
    """How much waits for this person that is not for everyone."""
    admitting = audiences.admitting(projects, annotator=annotator) if projects else {}
    theirs = [pk for found in admitting.values() for pk in found]
    if not theirs:
        return {}
    tasks = waiting.open_to(OuterRef("pk"), by=annotator, audience=theirs, now=timezone.now()).values("pk")
    counted = Project.objects.filter(pk__in=[project.pk for project in projects])
    return dict(counted.annotate(open=_Counted(tasks[: MOST_COUNTED + 1])).values_list("pk", "open"))


def _progress(project: Project, counted: Any, *, for_audiences: int) -> Progress:
    goes_on = project.state == Project.State.ACTIVE and not counted.stopped
    found = counted.open + counted.qualifying + counted.held + for_audiences if goes_on else 0
    more = found > MOST_COUNTED
    found = min(found, MOST_COUNTED)
    rounded = bool(project.gold_rate or project.repeat_rate)
    if rounded:
        found = -(-found // STEP) * STEP
    return Progress(done=counted.done, done_today=counted.done_today, waiting=found, more=more, rounded=rounded)


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)

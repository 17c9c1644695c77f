"""Which judgements stand behind a figure. The rows of a page are found by walking back from the newest one, so that a
page takes as long on a million judgements as on ten thousand."""

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from annotation.models import Annotator, Exclusion, Judgement, Measurement, Project, Task, TaskResponse
from annotation.views.quality.asked import Asked
from annotation.views.quality.measured import PAGE
from annotation.views.quality.tags import tagged

LOOKED_AT = 10_000  # judgements that one page looks through


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the address asks for. `peer`: only tasks that this other annotator judged as well. `against`: only tasks
    with an answer of this other policy."""

    voices: str
    annotator: str = ""
    peer: str = ""
    policy: str = ""
    against: str = ""
    tag: str = ""
    since: date | None = None
    until: date | None = None
    task: int | None = None
    guideline: int | None = None
    known: bool = False
    repeats: bool = False
    excluded: bool = False
    before: int | None = None

    @property
    def tells(self) -> bool:
        """Whether being listed tells something of a task that its annotators must not know. Unless one task is named,
        it does: most lists have labels alone, so that what checks is missing there."""
        return self.task is None or self.known or self.repeats or bool(self.policy or self.against)

    @property
    def given(self) -> dict[str, object]:
        """All that narrow the list, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value and name not in ("voices", "before")}


@dataclass(frozen=True, kw_only=True)
class Window:
    """The judgements of one page, the newest first. The next one begins before `before`; None: there are no others.
    `looked_at`: the page ended because it had looked through so many, not because it was full."""

    found: list[Judgement]
    before: int | None
    looked_at: int | None


def filters_of(asked: Asked, *, voices: str) -> Filters:
    """As they are written: whether there is such a person, policy, tag or task is not known yet (`narrowing`)."""
    return Filters(
        voices=voices,
        annotator=asked.text("annotator"),
        peer=asked.text("peer"),
        policy=asked.text("policy"),
        against=asked.text("against"),
        tag=asked.text("tag"),
        since=asked.day("since"),
        until=asked.day("until"),
        task=asked.number("task"),
        guideline=asked.number("guideline"),
        known=asked.flag("known"),
        repeats=asked.flag("repeats"),
        excluded=asked.flag("excluded"),
        before=asked.number("before"),
    )


def window(project: Project, filters: Filters, *, few: bool = False) -> Window:
    """In three queries at most, with what the page shows of each. `few`: the project has no more judgements than one
    page looks through."""
    base = _base(project, filters, few=few)
    end = base.values_list("pk", flat=True)[LOOKED_AT : LOOKED_AT + 1].first()
    looked_at = base if end is None else base.filter(pk__gt=end)
    columns = ("annotator", "task__prompt", "task__repeats")
    found = list(looked_at.filter(_narrowed(filters)).select_related(*columns)[: PAGE + 1])
    if len(found) > PAGE:
        return Window(found=found[:PAGE], before=found[PAGE - 1].pk, looked_at=None)
    return Window(
        found=found, before=None if end is None else end + 1, looked_at=LOOKED_AT if end is not None else None
    )


def _base(project: Project, filters: Filters, *, few: bool) -> "QuerySet[Judgement]":
    """By what has an index, the newest first. SQLite must not be tempted: a join with the tasks would make it sort
    all judgements of the project, `revised_by IS NULL` would make it read all that was never revised. `few` are
    sorted, rather than looked for among those of every other project."""
    tasks = Task.objects.filter(project=project).order_by()
    ours = Q(task__in=tasks.values("pk")) if few else Exists(tasks.filter(pk=OuterRef("task")))
    said = Judgement.objects.alias(newer=Coalesce("revised_by_id", Value(0))).filter(ours).order_by("-pk")
    if filters.before is not None:
        said = said.filter(pk__lt=filters.before)
    if filters.annotator:
        said = said.filter(annotator=_called(filters.annotator))
    if filters.task is not None:
        said = said.filter(task=filters.task)
    if filters.excluded:
        said = said.filter(pk__in=Exclusion.objects.current().values("judgement"))
    return said


def _narrowed(filters: Filters) -> Q:
    wanted = Q(source__in=Measurement.SOURCES[filters.voices])
    first = filters.known or filters.repeats  # measured as first said: a revision may follow feedback
    wanted &= Q(revision=0) if first else Q(newer=0)
    if filters.known:
        wanted &= Q(task__purpose__in=Task.KNOWN, task__known__isnull=False)
    if filters.repeats:
        wanted &= Q(task__repeats__isnull=False)
    if not first and filters.task is None and not filters.excluded:
        wanted &= Q(task__purpose__in=Task.LABELS)
    if filters.task is None and not filters.excluded:
        wanted &= ~Q(Exists(Exclusion.objects.current().filter(judgement=OuterRef("pk"))))
    if filters.guideline is not None:
        wanted &= Q(guideline_version=filters.guideline)
    if filters.since is not None:
        wanted &= Q(at__gte=_midnight(filters.since))
    if filters.until is not None:
        wanted &= Q(at__lt=_midnight(filters.until))
    return wanted & _about_the_task(filters)


def _about_the_task(filters: Filters) -> Q:
    wanted = Q()
    for policy in filter(None, (filters.policy, filters.against)):
        wanted &= Q(Exists(TaskResponse.objects.filter(task=OuterRef("task"), response__policy__name=policy)))
    if filters.peer:
        theirs = Judgement.objects.filter(task=OuterRef("task"), annotator=_called(filters.peer))
        wanted &= Q(Exists(theirs))
    if filters.tag:
        wanted &= Q(Exists(tagged(filters.tag).filter(pk=OuterRef("task"))))
    return wanted


def _called(name: str) -> "QuerySet[Annotator]":
    return Annotator.objects.filter(name=name).values("pk")[:1]  # type: ignore[return-value]  # of keys


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)

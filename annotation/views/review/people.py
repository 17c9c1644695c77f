"""How each annotator works: pace, known answers, agreement with themselves. For reviewers; nothing of it is shown to
the people themselves or to their peers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q

from annotation.actions.known_answers import SET
from annotation.actions.reviews import READ
from annotation.models import Annotator, Judgement, Project, Seat, Skip, Task
from annotation.stats.disagreement import Ranking, agreement_of_two
from annotation.stats.intervals import Cluster, Interval, clustered_wilson, wilson
from annotation.stats.known import score
from annotation.stats.pace import Pace, pace

PAGE = 50
TIMES = 1000  # the newest times that the project's median is taken of
LOOKED_AT = 20_000  # the newest judgements that one page's figures are taken of
MINIMUM = 5  # tasks, below which a share of pairs is not shown


@dataclass(frozen=True, kw_only=True)
class Share:
    """`right` of `n` with a 95 % interval, in `tasks` tasks; `interval` is None where that is too little to say."""

    right: float
    n: int
    tasks: int
    interval: Interval | None

    @property
    def percent(self) -> float:
        return 100 * self.right / self.n

    @property
    def low(self) -> float:
        return 100 * self.interval.low if self.interval else 0

    @property
    def high(self) -> float:
        return 100 * self.interval.high if self.interval else 100


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    judgements: int
    pace: Pace
    fast: Share | None
    known: Share
    repeats: Share
    skips: int
    seat: Seat | None

    @property
    def can_be_waived(self) -> bool:
        return self.seat is not None and self.seat.qualification in (
            Seat.Qualification.OPEN,
            Seat.Qualification.FAILED,
        )


def pace_of(project: Project) -> Pace:
    """The median of the project's newest `TIMES` judgements by people that have a time."""
    said = Judgement.objects.current().by_people().filter(task__project=project, seconds__isnull=False)
    return pace([seconds or 0 for seconds in said.order_by("-pk").values_list("seconds", flat=True)[:TIMES]])


def people_of(project: Project, *, usual: Pace, page: str | None) -> tuple["Page[Annotator]", list[Person]]:
    """Everybody who has a place at the desk or has judged something, by name."""
    said = Judgement.objects.by_people().filter(task__project=project, annotator=OuterRef("pk"))
    seats = Seat.objects.filter(project=project, annotator=OuterRef("pk"), annotator__user__isnull=False)
    found = Annotator.objects.filter(Q(Exists(said)) | Q(Exists(seats))).order_by("name")
    shown = Paginator(found, PAGE).get_page(page)
    return shown, list(_people(project, list(shown), usual=usual))


def _people(project: Project, annotators: Sequence[Annotator], *, usual: Pace) -> Iterable[Person]:
    mine = Judgement.objects.by_people().filter(task__project=project, annotator__in=annotators)
    counts = dict(mine.current().values_list("annotator").annotate(n=Count("pk")).order_by())
    timed = mine.current().filter(seconds__isnull=False).order_by("-pk").values_list("annotator", "seconds")
    times: dict[int, list[float]] = defaultdict(list)
    for pk, seconds in timed[:LOOKED_AT]:
        times[pk].append(seconds or 0)
    skips = dict(
        Skip.objects.filter(task__project=project, annotator__in=annotators)
        .exclude(reason__in=[READ, SET])  # the price of reviewing, not of the task
        .values_list("annotator")
        .annotate(n=Count("pk"))
        .order_by()
    )
    seats = {seat.annotator_id: seat for seat in Seat.objects.filter(project=project, annotator__in=annotators)}
    known, repeats = _known(project, annotators), _repeats(project, annotators)
    for annotator in annotators:
        own = times[annotator.pk]
        yield Person(
            name=annotator.name,
            judgements=counts.get(annotator.pk, 0),
            pace=pace(own),
            fast=_fast(own, usual=usual),
            known=_share(known[annotator.pk]),
            repeats=_share(repeats[annotator.pk]),
            skips=skips.get(annotator.pk, 0),
            seat=seats.get(annotator.pk),
        )


def _known(project: Project, annotators: Sequence[Annotator]) -> dict[int, list[Cluster]]:
    """Known pairs that each person got right, by task, as first said: a revision may follow feedback."""
    purposes = (Task.Purpose.GOLD, Task.Purpose.QUALIFICATION)
    said = Judgement.objects.filter(
        task__project=project,
        task__purpose__in=purposes,
        task__known__isnull=False,
        annotator__in=annotators,
        revision=0,
    ).order_by("-pk")
    found: dict[int, list[Cluster]] = defaultdict(list)
    for annotator, ranking, known in said.values_list("annotator", "ranking", "task__known")[:LOOKED_AT]:
        right, pairs = score(ranking, (known or {}).get("ranking") or [])
        found[annotator].append(Cluster(successes=right, n=pairs))
    return found


def _repeats(project: Project, annotators: Sequence[Annotator]) -> dict[int, list[Cluster]]:
    """Pairs that each person ordered the same way when asked again, by task, both times as first said."""
    again = Judgement.objects.filter(
        task__project=project, task__repeats__isnull=False, annotator__in=annotators, revision=0
    )
    pairs = list(again.order_by("-pk").values_list("annotator", "task__repeats", "ranking")[:LOOKED_AT])
    first = Judgement.objects.filter(
        task__in={task for _, task, _ in pairs}, annotator__in=annotators, revision=0
    ).values_list("annotator", "task", "ranking")
    before: dict[tuple[int, int | None], Ranking] = {(by, task): ranking for by, task, ranking in first}
    found: dict[int, list[Cluster]] = defaultdict(list)
    for annotator, task, ranking in pairs:
        if (annotator, task) in before:
            found[annotator].append(Cluster(*agreement_of_two(before[annotator, task], ranking)))
    return found


def _fast(times: Sequence[float], *, usual: Pace) -> Share | None:
    """None where nothing is usual yet."""
    if not times or not usual.enough:
        return None
    fast = usual.fast_among(times)
    return Share(
        right=fast,
        n=len(times),
        tasks=len(times),
        interval=wilson(fast, len(times)) if len(times) >= MINIMUM else None,
    )


def _share(clusters: Sequence[Cluster]) -> Share:
    """Of all pairs; the pairs of one task hang together, which the interval knows."""
    filled = [cluster for cluster in clusters if cluster.n]
    return Share(
        right=sum(cluster.successes for cluster in filled),
        n=int(sum(cluster.n for cluster in filled)),
        tasks=len(filled),
        interval=clustered_wilson(filled) if len(filled) >= MINIMUM else None,
    )

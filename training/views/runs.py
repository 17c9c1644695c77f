"""Runs: the list, and each one's page, which reads like a page of a lab notebook."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models.fields.json import KT
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from training.actions import completions, curves
from training.ml.knobs.fields import as_text
from training.ml.reporting.repeat import REWARDED
from training.ml.run.rundir import RewardReference, RunDirectory, read_json
from training.models import Artifact, Run
from training.views import learning, repeat, report

P = ParamSpec("P")
PAGE = 50
ROWS = 20  # of the table under the curves
# By which a run that learns from rewards is judged; its other curves are folded away.
FIRST = (
    "reward",
    "score",
    "kl",
    "entropy",
    "length",
    "clip_share",
    "held_out_score",
    "held_out_gold",
    "held_out_kl",
    "held_out_length",
)
ENDED = frozenset({Run.State.DONE, Run.State.FAILED})
MAX_TIMING = 100_000  # bytes


def for_engineers(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Any:
    """Who may not see runs is told that there is nothing: a report names policies and annotators."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.has_perm("training.view_run"):
            raise Http404
        return view(request, *args, **kwargs)

    return login_required(guarded)


@require_safe
@for_engineers
def index(request: HttpRequest) -> HttpResponse:
    kind, state = (chosen(request, name, among) for name, among in (("kind", Run.Kind), ("state", Run.State)))
    wanted = {name: value for name, value in (("kind", kind), ("state", state)) if value}
    found = (
        Run.objects.filter(**wanted).defer("config", "report", "versions").annotate(headline=KT("report__headline"))
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    page.object_list = named_bases(page.object_list)
    context = {
        "page": page,
        "filters": [("kind", kind, Run.Kind.values), ("state", state, Run.State.values)],
    }
    return render(request, "training/runs.html", context)


def named_bases(found: Iterable[Run]) -> list[Any]:
    """By the name of the artifact where there is one: its path says less."""
    runs: list[Any] = list(found)
    known = dict(Artifact.objects.filter(path__in={run.base for run in runs}).values_list("path", "name"))
    for run in runs:
        run.base_name = known.get(run.base, run.base)
    return runs


def chosen(request: HttpRequest, name: str, among: Any) -> str:
    value = request.GET.get(name, "")
    return value if value in among.values else ""


@require_safe
@for_engineers
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    directory = RunDirectory(Path(run.directory))
    base = Artifact.objects.filter(path=run.base).first() if run.base else None
    left = run.artifacts.prefetch_related("children", "rewarded__run")
    context = {
        "run": run,
        "ended": run.state in ENDED,
        "command": repeat.command(run, base=base, processes=processes_of(run)),
        "base": base,
        "files": repeat.files_of(run),
        "rewards": rewards_of(run),
        "artifacts": list(left),
        **measured(points_of(run)),
        **reported(run),
        "timing": report.facts(timing_of(directory)),
        "completions": completions.latest(directory.completions),
        "learns": run.kind in REWARDED,
        "first_curves": FIRST if run.kind in REWARDED else (),
    }
    return render(request, "training/run.html", context)


@require_safe
@never_cache
@for_engineers
def answers(request: HttpRequest, pk: int) -> HttpResponse:
    """What a page that is open asks for every few seconds."""
    run = get_object_or_404(Run.objects.only("state", "directory"), pk=pk)
    latest = completions.latest(RunDirectory(Path(run.directory)).completions)
    context = {"run": run, "ended": run.state in ENDED, "completions": latest}
    return render(request, "training/_answers.html", context)


def rewards_of(run: Run) -> list[tuple[RewardReference, str, Artifact | None]]:
    """Each with its weight in words and the artifact that it is, if it is known here."""
    found = repeat.rewards_of(run)
    known = {one.artifact.sha256: one.artifact for one in run.rewards.select_related("artifact")} if found else {}
    return [(reward, report.said(reward.weight), known.get(reward.hash)) for reward in found]


def processes_of(run: Run) -> int:
    """How many trained it; a run that is not done does not say."""
    return report.count(report.record(report.record(run.report).get("repeat")).get("processes")) or 1


def measured(points: Sequence[curves.Point]) -> dict[str, Any]:
    names = curves.names(points)
    rows = curves.thinned(points, most=ROWS)
    return {
        "curve_names": names,
        "curve_rows": [(int(row["step"]), [report.said(row.get(name)) for name in names]) for row in rows],
        "last": points[-1] if points else None,
    }


def reported(run: Run) -> dict[str, Any]:
    """What the report says, by section; those that it lacks are empty."""
    whole = report.record(run.report)
    held_out = report.record(whole.get("held_out"))
    shares, bins = report.accuracies(held_out), report.bins(held_out)
    return {
        "headline": whole.get("headline", ""),
        "warnings": report.texts(whole.get("warnings")),
        "accuracies": shares,
        "slices": [*report.slices(held_out), *report.splits(whole)],
        "bins": bins,
        "ece": report.number(report.record(held_out.get("calibration")).get("ece")),
        "drawn": {
            "accuracies": [one.drawn() for one in shares],
            "bins": [vars(one) for one in bins],
            "frontier": learning.drawn(whole),
        },
        **learning.described(whole),
        "length": report.facts(report.record(held_out.get("length"))),
        "held_out": report.other_facts(held_out),
        "sections": list(report.sections(whole)),
        "base_facts": report.facts(report.record(whole.get("base"))),
        "knobs": knobs_of(run, whole),
        "versions": {**run.versions, **report.record(whole.get("versions"))},
        "project_version": whole.get("project_version", ""),
    }


def knobs_of(run: Run, whole: report.Record) -> list[tuple[str, str, str, bool]]:
    """Each with its value, what `auto` became, and whether it was set otherwise than by default."""
    changed, resolved = repeat.changed_knobs(run), report.record(whole.get("resolved"))
    return [
        (name, as_text(value), report.said(resolved[name]) if name in resolved else "", name in changed)
        for name, value in repeat.knobs_of(run).items()
    ]


def timing_of(directory: RunDirectory) -> dict[str, Any]:
    """What it took; when it began stands above."""
    try:
        known = directory.timing.stat().st_size <= MAX_TIMING
    except OSError:
        return {}
    found = (read_json(directory.timing) or {}) if known else {}
    return {name: value for name, value in found.items() if name != "started"}


@require_safe
@never_cache
@for_engineers
def metrics(request: HttpRequest, pk: int) -> HttpResponse:
    """What a page that is open asks for every few seconds: the points of later steps than `after`."""
    run = get_object_or_404(Run.objects.only("state", "directory"), pk=pk)
    points = points_of(run, after=step_of(request))
    return JsonResponse({"state": run.state, "ended": run.state in ENDED, "points": points})


def points_of(run: Run, *, after: int = -1) -> list[curves.Point]:
    """As they were measured; of a run that lay elsewhere those that its report has kept."""
    points = curves.read(RunDirectory(Path(run.directory)).metrics, after=after)
    return points or (curves.of_report(report.record(run.report).get("curve"), after=after) if is_kept(run) else [])


def is_kept(run: Run) -> bool:
    return run.state == Run.State.DONE and not RunDirectory(Path(run.directory)).metrics.is_file()


def step_of(request: HttpRequest) -> int:
    try:
        return int(request.GET.get("after", ""))
    except ValueError:
        return -1

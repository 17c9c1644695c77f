"""Pages about the labels of a whole project: what they are worth, and what makes them so."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from annotation.actions import alerts
from annotation.views.quality import plots
from annotation.views.quality.measured import PAGE, Measured, measured_of, shown
from annotation.views.quality.words import VERDICT, in_words
from annotation.views.requests import MemberRequest, signed_in

MODELS = ("bradley-terry", "plackett-luce")  # of the strengths of policies, the usual one first
LEADERS = 12  # policies that the table of who beats whom has room for
MOST_POLICIES, MOST_TAGS = 50, 50  # that are measured: those with most comparisons, with most tasks


@require_safe
@signed_in
def overview(request: MemberRequest, slug: str) -> HttpResponse:
    """The verdict, then its evidence."""
    seen = measured_of(request, slug)
    progress, agreement = seen.part("progress"), seen.part("agreement")
    drawn = {
        "agreement": plots.course(agreement.get("over_time") or []),
        "progress": plots.counts(progress.get("per_day") or []),
        "hours": plots.hours(seen.part("drift").get("pace_by_hour") or []),
    }
    verdict = seen.part("verdict")
    return shown(
        request,
        seen,
        "overview",
        plots=drawn,
        verdict=verdict,
        alerts=alerts.listed(seen.project),
        reasons=in_words(verdict.get("reasons") or [], VERDICT, criteria=lacking(verdict)),
        least=least_alike(seen.part("ratings")) if verdict.get("criteria") else None,
        drift=seen.part("drift"),
        rubric=list(seen.part("rubric").items()),  # a criterion may be called "items": no template asks by name
        unsure=open_questions(seen),
        ratings=list(seen.part("ratings").items()),
    )


def lacking(verdict: Mapping[str, Any]) -> str:
    """The criteria that labels are not good by."""
    criteria = verdict.get("criteria") or {}
    return ", ".join(name for name, code in criteria.items() if code in ("fair", "poor"))


def least_alike(ratings: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The criterion on which agreement may be lowest, and its alpha."""
    known = [(name, levels["interval"]) for name, levels in ratings.items() if levels["interval"]["low"] is not None]
    return min(known, key=lambda one: float(one[1]["low"]), default=None)


def open_questions(seen: Measured) -> dict[str, Any]:
    """How many done tasks are less sure than the project asks for, and what one more vote on each would take."""
    found, hours = seen.part("open_questions"), seen.part("hours")
    usual = hours["hours"] / hours["timed"] if hours.get("timed") else None
    return {**found, "hours": None if usual is None else found.get("tasks", 0) * usual}


@require_safe
@signed_in
def matrix(request: MemberRequest, slug: str) -> HttpResponse:
    """Who agrees with whom."""
    seen = measured_of(request, slug)
    found = seen.part("matrix")
    names, cells = found.get("annotators") or [], found.get("cells") or []
    known = sorted((cell for cell in cells if cell.get("value") is not None), key=highest)
    pairs = [{"a": names[cell["a"]], "b": names[cell["b"]], "figure": cell} for cell in known]
    page = seen.asked.page(Paginator(pairs, PAGE))
    usual = (seen.part("agreement").get("pairs") or {}).get("value")
    apart = bool(known) and usual is not None and highest(known[0]) < float(usual)
    return shown(
        request, seen, "matrix", rows=heat(names, cells), names=names, page=page, pairs=list(page), apart=apart
    )


def highest(figure: Mapping[str, Any]) -> float:
    """What agreement may be at most. By the number itself those would stand first of whom least is known."""
    high = figure.get("high")
    return float(figure["value"] if high is None else high)


@require_safe
@signed_in
def guidelines(request: MemberRequest, slug: str) -> HttpResponse:
    """What each version of the guidelines did to the labels."""
    seen = measured_of(request, slug)
    versions = seen.part("guidelines") or []
    changes = dict(seen.project.guidelines.values_list("number", "changes"))
    rows = [{**one, "changes": changes.get(one.get("version"), "")} for one in versions]
    drawn = {"guidelines": plots.intervals((str(one["version"]), one.get("pairs")) for one in versions)}
    return shown(request, seen, "guidelines", plots=drawn, rows=rows)


@require_safe
@signed_in
def policies(request: MemberRequest, slug: str) -> HttpResponse:
    """Which policy people prefer, and how sure that is: by comparisons, or by whole rankings."""
    seen = measured_of(request, slug)
    found = seen.part("policies")
    model = seen.asked.choice("model", MODELS, instead=MODELS[0])
    ranked, beats = found.get("ranked") or [], found.get("beats") or []
    whole = with_comparisons(found.get("rankings") or {}, ranked=ranked)
    strengths = whole["ranked"] if model == MODELS[1] else ranked
    drawn = {"policies": plots.intervals(((one["name"], one.get("strength")) for one in strengths), percent=False)}
    leaders = [one["name"] for one in ranked[:LEADERS]]
    page = seen.asked.page(Paginator(beats, PAGE))
    context = {
        "model": model,
        "ranked": ranked,
        "whole": whole,
        "missing": found.get("missing", ""),
        "leaders": leaders,
        "page": page,
        "most": MOST_POLICIES if len(ranked) >= MOST_POLICIES else None,
    }
    return shown(request, seen, "policies", plots=drawn, table=beaten(leaders, beats), pairs=list(page), **context)


def with_comparisons(whole: Mapping[str, Any], *, ranked: list[dict[str, Any]]) -> dict[str, Any]:
    """What whole rankings say of each policy, beside what comparisons say of it."""
    pairs = {one["name"]: one for one in ranked}
    rows = [{**one, "pairs": pairs.get(one["name"])} for one in whole.get("ranked") or []]
    return {**whole, "ranked": rows}


@require_safe
@signed_in
def slices(request: MemberRequest, slug: str) -> HttpResponse:
    """Which kinds of tasks are judged less well than others."""
    seen = measured_of(request, slug)
    found = seen.part("slices") or []
    page = seen.asked.page(Paginator(found, PAGE))
    drawn = {"slices": plots.intervals((one["tag"], one.get("pairs")) for one in page)}
    most = MOST_TAGS if len(found) >= MOST_TAGS else None
    return shown(request, seen, "slices", plots=drawn, page=page, rows=list(page), most=most)


def heat(names: list[str], cells: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any] | None]]]:
    """A row for each annotator, a cell for each other one; None where the two share nothing, and on the diagonal."""
    warm = {(cell["a"], cell["b"]): one for cell, one in zip(cells, warmths(cells), strict=True)}
    warm |= {(b, a): one for (a, b), one in warm.items()}
    size = range(len(names))
    return [(names[row], [warm.get((row, column)) for column in size]) for row in size]


def warmths(cells: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """What stands in each cell and in its title, with a step of ten from 0 (never) to 9 (nearly always) that its
    colour follows. Written here, once for each: the template has hundreds of them."""
    between = gettext("%(value)s %% (%(low)s to %(high)s %%), n = %(n)s")
    return [None if cell.get("value") is None else _warmth(cell, between=between) for cell in cells]


def _warmth(cell: dict[str, Any], *, between: str) -> dict[str, Any]:
    said = {name: round(100 * float(cell[name])) for name in ("value", "low", "high") if cell.get(name) is not None}
    n = number_format(cell.get("n", 0), force_grouping=True)
    title = between % {**said, "n": n} if len(said) == 3 else ""
    return {"value": said["value"], "n": n, "title": title, "step": min(9, int(10 * float(cell["value"])))}


def beaten(leaders: list[str], beats: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any] | None]]]:
    """How often the one that names the row beats the one that names the column."""
    found = {(one["a"], one["b"]): one for one in beats if one["a"] in leaders and one["b"] in leaders}
    found |= {(b, a): turned(one) for (a, b), one in found.items() if (b, a) not in found}
    warm = dict(zip(found, warmths(list(found.values())), strict=True))
    return [(row, [warm.get((row, column)) for column in leaders]) for row in leaders]


def turned(one: dict[str, Any]) -> dict[str, Any]:
    """The same comparisons from the other side."""
    if one.get("value") is None:
        return {**one, "a": one["b"], "b": one["a"]}
    bounds = {"low": one.get("high"), "high": one.get("low")}
    flipped = {name: None if bound is None else 1 - float(bound) for name, bound in bounds.items()}
    return {**one, "a": one["b"], "b": one["a"], "value": 1 - float(one["value"]), **flipped}

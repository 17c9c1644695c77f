"""The tasks on which people are furthest apart, and those of which one more vote would tell the most."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from annotation.forms.letters import LETTERS
from annotation.models import Judgement, Measurement, TaskMeasure
from annotation.views.quality.measured import Measured, may_judge, measured_of, shown, withheld_from
from annotation.views.quality.tags import known_tag
from annotation.views.requests import MemberRequest, signed_in
from annotation.views.review.words import in_letters

REASONS = 6  # of each task
ITEMS = 20  # a page: each is as high as three rows of a table, on a phone as high as half of it
SORTS = {
    "information": (F("information").desc(), "task"),
    "disagreement": (F("disagreement").desc(nulls_last=True), "task"),
}


@dataclass(frozen=True, kw_only=True)
class Reason:
    by: str
    ranking: list[str]
    words: str


@dataclass(frozen=True, kw_only=True)
class Item:
    measure: TaskMeasure
    prompt: str
    ranking: list[str]
    pairs: list[dict[str, Any]]
    reasons: list[Reason]


@require_safe
@signed_in
def items(request: MemberRequest, slug: str) -> HttpResponse:
    seen = measured_of(request, slug)
    sort, tag = seen.asked.choice("sort", SORTS, instead="information"), known_tag(seen, seen.asked.text("tag"))
    page = seen.asked.page(Paginator(_chosen(seen, sort=sort, tag=tag), ITEMS))
    measures = list(page)
    # Their place in the list alone would tell whoever may still judge them how others see them.
    tasks = [measure.task_id for measure in measures]
    withheld = withheld_from(request.user, project=seen.project, tasks=tasks)
    open_to_all = [measure for measure in measures if measure.task_id not in withheld]
    return shown(
        request,
        seen,
        "items",
        page=page,
        items=_items(open_to_all, voices=seen.voices),
        may_judge=may_judge(request.user, project=seen.project),
        sort=sort,
        tag=tag,
        tags=[one["tag"] for one in seen.part("slices") or []],
    )


def _chosen(seen: Measured, *, sort: str, tag: str) -> "QuerySet[TaskMeasure]":
    """Those that people see otherwise, and those of which the consensus is less sure than the project wants it."""
    open_still = Q(disagreement__gt=0) | Q(sureness__lt=seen.project.sureness)
    found = TaskMeasure.objects.filter(open_still, measurement=seen.measurement)
    return (found.filter(tags__contains=f"\n{tag}\n") if tag else found).order_by(*SORTS[sort])


def _items(measures: Sequence[TaskMeasure], *, voices: str) -> list[Item]:
    reasons = _reasons([measure.task_id for measure in measures], voices=voices)
    return [
        Item(
            measure=measure,
            prompt=measure.content.get("prompt", ""),
            ranking=in_letters(measure.content.get("ranking") or [], LETTERS),
            pairs=[_pair(pair) for pair in measure.content.get("pairs") or []],
            reasons=reasons[measure.task_id],
        )
        for measure in measures
    ]


def _pair(pair: dict[str, Any]) -> dict[str, Any]:
    return {**pair, "a": LETTERS[pair["a"]], "b": LETTERS[pair["b"]]}


def _reasons(tasks: Sequence[int], *, voices: str) -> dict[int, list[Reason]]:
    """What people wrote down, a few of each task. Whether a judgement was revised is looked at here: SQLite would
    read all that never were."""
    said = Judgement.objects.filter(task__in=tasks, source__in=Measurement.SOURCES[voices]).exclude(reason="")
    columns = ("task", "annotator__name", "ranking", "reason", "revised_by")
    found: dict[int, list[Reason]] = defaultdict(list)
    for task, by, ranking, words, newer in said.order_by("task", "annotator").values_list(*columns):
        if newer is None and len(found[task]) < REASONS:
            found[task].append(Reason(by=by, ranking=in_letters(ranking, LETTERS), words=words))
    return found

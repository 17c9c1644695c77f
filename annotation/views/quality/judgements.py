"""The judgements behind any figure, as they were said."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from annotation.forms.letters import LETTERS
from annotation.models import Exclusion, Judgement
from annotation.stats.known import Score, score
from annotation.views.quality.behind import LOOKED_AT, Filters, filters_of, window
from annotation.views.quality.measured import may_judge, measured_of, shown, withheld_from
from annotation.views.quality.narrowing import known_only
from annotation.views.requests import MemberRequest, signed_in
from annotation.views.review.words import in_letters


@dataclass(frozen=True, kw_only=True)
class Row:
    """A judgement in letters. What its reader may still be asked is `withheld`: then nothing else is told of it.
    `before` is what the same person said when they were asked first; `right` how many known pairs they got right."""

    judgement: Judgement
    withheld: bool
    ranking: list[str]
    known: list[str]
    right: Score | None
    before: list[str]
    excluded: str


@require_safe
@signed_in
def judgements(request: MemberRequest, slug: str) -> HttpResponse:
    seen = measured_of(request, slug)
    filters = known_only(filters_of(seen.asked, voices=seen.voices), seen=seen)
    few = seen.measurement is not None and seen.is_done and seen.measurement.judgements <= LOOKED_AT
    found = window(seen.project, filters, few=few)
    tasks = {judgement.task_id for judgement in found.found}
    withheld = withheld_from(request.user, project=seen.project, tasks=tasks)
    rows = _rows(found.found, filters=filters, withheld=withheld)
    return shown(
        request,
        seen,
        "judgements",
        rows=rows,
        filters=filters,
        older=found.before,
        looked_at=found.looked_at,
        may_judge=may_judge(request.user, project=seen.project),
    )


def _rows(found: Sequence[Judgement], *, filters: Filters, withheld: Collection[int]) -> list[Row]:
    """Where being listed or not would tell what a task is, those that its reader may still be asked are left out."""
    listed = [judgement for judgement in found if not (filters.tells and judgement.task_id in withheld)]
    said_of = dict(
        Exclusion.objects.current()
        .filter(judgement__in=[judgement.pk for judgement in listed])
        .values_list("judgement", "reason")
    )
    before = _before(judgement for judgement in listed if judgement.task_id not in withheld)
    return [
        _hidden(judgement)
        if judgement.task_id in withheld
        else _row(judgement, before=before, excluded=said_of.get(judgement.pk, ""))
        for judgement in listed
    ]


def _row(judgement: Judgement, *, before: dict[tuple[int, int], list[str]], excluded: str) -> Row:
    known = (judgement.task.known or {}).get("ranking") or []
    return Row(
        judgement=judgement,
        withheld=False,
        ranking=in_letters(judgement.ranking, LETTERS),
        known=in_letters(known, LETTERS),
        right=score(judgement.ranking, known) if known else None,
        before=before.get((judgement.annotator_id, judgement.task.repeats_id or 0), []),
        excluded=excluded,
    )


def _hidden(judgement: Judgement) -> Row:
    return Row(judgement=judgement, withheld=True, ranking=[], known=[], right=None, before=[], excluded="")


def _before(again: Iterable[Judgement]) -> dict[tuple[int, int], list[str]]:
    """By person and task: what was said first of tasks that were asked again."""
    asked = [(judgement.annotator_id, judgement.task.repeats_id) for judgement in again if judgement.task.repeats_id]
    if not asked:
        return {}
    first = Judgement.objects.filter(
        task__in={task for _, task in asked}, annotator__in={by for by, _ in asked}, revision=0
    )
    return {
        (by, task): in_letters(ranking, LETTERS)
        for by, task, ranking in first.values_list("annotator", "task", "ranking")
    }

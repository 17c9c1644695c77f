"""How each annotator works: a table, and a page each. For reviewers; nothing of it is shown to the people themselves
or to their peers."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, FloatField, OrderBy, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import seats
from annotation.actions.members import REVIEWERS, project_for
from annotation.exceptions import NotFound
from annotation.models import Annotator, AnnotatorMeasure, Judgement, Project, Seat
from annotation.stats.people.suggestions import ATTENTION, ORDER
from annotation.views.quality.measured import PAGE, Measured, measured_of, shown
from annotation.views.quality.words import PERSON, in_words
from annotation.views.requests import MemberRequest, signed_in

# What may be suggested, the gravest first.
SUGGESTIONS = (*ORDER, "more_data")


def _number(path: str) -> Cast:
    """Inside of JSON; SQLite gives its null as a word."""
    return Cast(NullIf(KT(path), Value("null")), FloatField())


# What the address may sort by.
COLUMNS: dict[str, Any] = {
    "judgements": F("judgements"),
    "name": F("annotator__name"),
    "agreement": F("agreement"),
    "known": F("known"),
    "repeats": _number("content__repeats__value"),
    "reliability": F("reliability"),
    "pace": _number("content__pace__median"),
    "skips": _number("content__skips"),
}


@require_safe
@signed_in
def people(request: MemberRequest, slug: str) -> HttpResponse:
    """Everybody who has judged something, and who sits at the desk without having been measured yet."""
    seen = measured_of(request, slug)
    measures = AnnotatorMeasure.objects.filter(measurement=seen.measurement)
    counts = dict(measures.order_by().values_list("suggestion").annotate(n=Count("pk")))
    suggestion = seen.asked.choice("suggestion", SUGGESTIONS, instead="")
    suggestions = {code: counts.get(code, 0) for code in SUGGESTIONS if code in (*counts, suggestion)}
    sort = seen.asked.choice("sort", (*COLUMNS, *(f"-{name}" for name in COLUMNS)), instead="-judgements")
    chosen = measures.filter(suggestion=suggestion) if suggestion else measures
    page = seen.asked.page(Paginator(sorted_by(chosen, sort), PAGE))
    rows = with_seats(seen.project, list(page))
    waiting = seen.asked.page(Paginator(unmeasured(seen), PAGE), "waiting")
    return shown(
        request,
        seen,
        "people",
        page=page,
        rows=rows,
        at_desk=any(seat and (seat.paused_at or seat.qualification != Seat.Qualification.OPEN) for _, seat in rows),
        waiting=waiting,
        sort=sort,
        suggestion=suggestion,
        suggestions=suggestions,
        attention=sum(suggestions.get(code, 0) for code in ATTENTION),
        qualifies=seats.qualification_tasks().filter(project=seen.project).exists(),
    )


@require_safe
@signed_in
def person(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    seen = measured_of(request, slug)
    measures = AnnotatorMeasure.objects.filter(measurement=seen.measurement, annotator__name=name)
    measure = measures.select_related("annotator").first()
    annotator = measure.annotator if measure else annotator_of(seen.project, name)
    content = measure.content if measure else {}
    suggestion = content.get("suggestion") or {}
    return shown(
        request,
        seen,
        "person",
        annotator=annotator,
        measure=measure,
        found=content,
        suggestion=suggestion.get("code", ""),
        reasons=in_words(suggestion.get("reasons") or [], PERSON),
        seat=Seat.objects.filter(project=seen.project, annotator=annotator).first(),
        qualifies=seats.qualification_tasks().filter(project=seen.project).exists(),
    )


@require_POST
@signed_in
def waive(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    """Let somebody work without having passed the qualification set."""
    project = project_for(request.user, slug, roles=REVIEWERS)
    annotator = Annotator.objects.filter(name=name, seats__project=project).first()
    if annotator is None:
        sentence = gettext("Nobody called %(name)s has a place in %(project)s.")
        raise NotFound(sentence % {"name": name, "project": project})
    seats.waive(project, annotator=annotator, by=request.user)
    messages.success(request, gettext("%(name)s gets real tasks from now on.") % {"name": name})
    return redirect("annotation:quality_person", slug, name)


def sorted_by(measures: "QuerySet[AnnotatorMeasure]", sort: str) -> "QuerySet[AnnotatorMeasure]":
    """By a column of `COLUMNS`, "-" for the largest first; those without a number at the end."""
    order = OrderBy(COLUMNS[sort.removeprefix("-")], descending=sort.startswith("-"), nulls_last=True)
    return measures.select_related("annotator").order_by(order, "annotator_id")


def with_seats(project: Project, measures: Sequence[AnnotatorMeasure]) -> list[tuple[AnnotatorMeasure, Seat | None]]:
    found = Seat.objects.filter(project=project, annotator__in=[measure.annotator_id for measure in measures])
    seat_of = {seat.annotator_id: seat for seat in found}
    return [(measure, seat_of.get(measure.annotator_id)) for measure in measures]


def unmeasured(seen: Measured) -> "QuerySet[Seat]":
    """Seats of people of whom nothing is measured: who came today, or has not got past the qualification."""
    theirs = AnnotatorMeasure.objects.filter(measurement=seen.measurement).values("annotator")
    found = Seat.objects.filter(project=seen.project, annotator__user__isnull=False)
    return found.exclude(annotator__in=theirs).select_related("annotator").order_by("annotator__name")


def annotator_of(project: Project, name: str) -> Annotator:
    """
    Raises:
        NotFound: nobody called so has judged anything or sits here.
    """
    annotator = Annotator.objects.filter(name=name).first()
    if annotator is not None:
        seat = Seat.objects.filter(project=project, annotator=annotator)
        judged = Judgement.objects.filter(task__project=project, annotator=annotator)
        if seat.exists() or judged.exists():
            return annotator
    sentence = gettext("Nobody called %(name)s has judged anything in %(project)s.")
    raise NotFound(sentence % {"name": name, "project": project})

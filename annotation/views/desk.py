from dataclasses import dataclass
from typing import Any

from django.forms import BoundField
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import reswap, retarget

from annotation.actions import judgements, leases
from annotation.actions.members import annotator_of, project_for
from annotation.exceptions import AnnotationError, InvalidJudgement, NotFound, SlotLost
from annotation.forms.judgements import JudgementForm, SkipForm
from annotation.models import Annotator, Project, Slot
from annotation.views.progress import progress_in
from annotation.views.requests import MemberRequest, signed_in


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One card: a letter and a text. Who wrote it stays in the database."""

    letter: str
    text: str
    rank: BoundField | None


@require_safe
@signed_in
def next_task(request: MemberRequest, slug: str) -> HttpResponse:
    return shown_next(request, slug)


@require_safe
@signed_in
def task(request: MemberRequest, slug: str, slot_id: int) -> HttpResponse:
    slot, annotator = held(request, slug, slot_id)
    if error := leases.loss(slot, by=annotator):
        raise error
    return shown_task(request, slot, annotator=annotator)


@require_POST
@signed_in
def submit(request: MemberRequest, slug: str, slot_id: int) -> HttpResponse:
    slot, annotator = held(request, slug, slot_id)
    form = form_of(slot, by=annotator, data=request.POST)
    if not form.is_valid():
        return refused(request, slot, form, error=InvalidJudgement(form.sentences))
    try:
        judgements.submit(slot.pk, by=annotator, **form.judgement())
    except (InvalidJudgement, SlotLost) as error:
        return refused(request, slot, form, error=error)
    return onward(request, slug)


@require_POST
@signed_in
def skip(request: MemberRequest, slug: str, slot_id: int) -> HttpResponse:
    slot, annotator = held(request, slug, slot_id)
    form = SkipForm(request.POST)
    if not form.is_valid():
        error = InvalidJudgement(" ".join(str(text) for texts in form.errors.values() for text in texts))
        return refused(request, slot, form_of(slot, by=annotator), error=error)
    try:
        leases.skip(slot, by=annotator, reason=form.in_words)
    except (InvalidJudgement, SlotLost) as error:
        return refused(request, slot, form_of(slot, by=annotator), error=error)
    return onward(request, slug)


@require_POST
@signed_in
def save_draft(request: MemberRequest, slug: str, slot_id: int) -> HttpResponse:
    """Keep what is chosen so far, and the lease alive with it."""
    slot, annotator = held(request, slug, slot_id)
    form = form_of(slot, by=annotator, data=request.POST)
    form.is_valid()
    try:
        leases.save_draft(slot, by=annotator, content=form.draft())
        leases.renew(slot, by=annotator)
    except SlotLost as error:
        return refused(request, slot, form, error=error)
    return HttpResponse(status=204)


def held(request: MemberRequest, slug: str, slot_id: int) -> tuple[Slot, Annotator]:
    """The slot, if it is or was this person's; anything else looks as if it were not there."""
    project = project_for(request.user, slug)
    annotator = annotator_of(request.user)
    slot = leases.held_by(annotator, slot_id=slot_id)
    if slot.task.project_id != project.pk:
        raise NotFound(f"There is no slot {slot_id} that is yours.")
    return slot, annotator


def form_of(slot: Slot, *, by: Annotator, data: Any = None) -> JudgementForm:
    return JudgementForm(data, slot=slot, size=slot.task.positions.count(), by=by)


def onward(request: MemberRequest, slug: str) -> HttpResponse:
    """After a submission or a skip: the next task at once under htmx, else by its address."""
    return shown_next(request, slug) if request.htmx else redirect("annotation:desk", slug)


def refused(request: MemberRequest, slot: Slot, form: JudgementForm, *, error: AnnotationError) -> HttpResponse:
    """Say why, and leave the ranking where it is: under htmx only the notice changes."""
    lost = isinstance(error, SlotLost)
    context = {"message": str(error), "lost": lost, "form": form, "project": slot.task.project}
    if request.htmx:
        response = render(request, "annotation/_refused.html", context, status=error.status_code)
        return reswap(retarget(response, "#desk-notice"), "innerHTML")
    if lost or leases.loss(slot, by=form.by):
        return render(request, "annotation/refused.html", context, status=error.status_code)
    return shown_task(request, slot, annotator=form.by, form=form, message=str(error), status=error.status_code)


def shown_next(request: MemberRequest, slug: str) -> HttpResponse:
    """The task in this person's hands, or the next one of the queue, or the end of it."""
    project = project_for(request.user, slug)
    annotator = annotator_of(request.user)
    slot = leases.claim(project, by=annotator)
    if slot is None:
        return shown(request, "end", project=project, annotator=annotator)
    return shown_task(request, slot, annotator=annotator)


def shown_task(
    request: MemberRequest,
    slot: Slot,
    *,
    annotator: Annotator,
    form: JudgementForm | None = None,
    message: str = "",
    status: int = 200,
) -> HttpResponse:
    positions = {item.position: item.response.text for item in slot.task.positions.select_related("response")}
    if form is None or not form.is_bound:
        form = JudgementForm(slot=slot, size=len(positions), by=annotator)
        form.restore(leases.draft_of(slot, by=annotator))
    context = {
        "slot": slot,
        "messages_of_prompt": slot.task.prompt.messages,
        "answers": answers_of(form, texts=[positions[position] for position in slot.order]),
        "form": form,
        "skip_form": SkipForm(),
        "guideline": leases.guideline_of(slot),
        "message": message,
    }
    return shown(request, "desk", project=slot.task.project, annotator=annotator, status=status, **context)


def answers_of(form: JudgementForm, *, texts: list[str]) -> list[Answer]:
    return [
        Answer(letter=letter, text=text, rank=None if form.asks_preference else form[f"rank_{letter}"])
        for letter, text in zip(form.letters, texts, strict=True)
    ]


def shown(
    request: MemberRequest, name: str, *, project: Project, annotator: Annotator, status: int = 200, **context: Any
) -> HttpResponse:
    """The page, or its narrow part when htmx asks. No cache may take the one for the other, or keep what was read."""
    progress = progress_in([project], annotator=annotator)[project.pk]
    template = f"annotation/_{name}.html" if request.htmx else f"annotation/{name}.html"
    response = render(request, template, {"project": project, "progress": progress, **context}, status=status)
    add_never_cache_headers(response)
    patch_vary_headers(response, ["HX-Request"])
    return response

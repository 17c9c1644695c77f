"""What the desk shows: a task, a revision, the end of the queue, a refusal. One view serves page and fragment."""

from dataclasses import dataclass
from typing import Any

from django.forms import BoundField
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from annotation.actions import judgements, leases
from annotation.exceptions import AlreadyJudged, AnnotationError, SlotLost
from annotation.forms.judgements import JudgementForm
from annotation.forms.skips import SkipForm
from annotation.models import Annotator, Draft, Judgement, Project, Slot
from annotation.views.progress import Progress, progress_in
from annotation.views.requests import MemberRequest


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One card: a letter and a text. Who wrote it stays in the database."""

    letter: str
    text: str
    rank: BoundField | None


def texts_of(slot: Slot) -> list[str]:
    """The responses' texts by position."""
    return [place.response.text for place in slot.task.placed]


def form_of(slot: Slot, *, by: Annotator, data: Any = None) -> JudgementForm:
    return JudgementForm(data, slot=slot, texts=texts_of(slot), by=by)


def shown_task(
    request: MemberRequest,
    slot: Slot,
    *,
    annotator: Annotator,
    form: JudgementForm | None = None,
    draft: Draft | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    if form is None:
        form = form_of(slot, by=annotator)
        if draft := leases.drafted(slot, by=annotator):
            form.restore(draft.content)
    context |= {
        "slot": slot,
        "messages_of_prompt": slot.task.prompt.messages,
        "answers": answers_of(form),
        "form": form,
        "draft": draft,
        "skip_form": SkipForm(),
        "guideline": slot.guideline_version,
    }
    return shown(request, "desk", project=slot.task.project, annotator=annotator, status=status, **context)


def shown_revision(
    request: MemberRequest,
    slot: Slot,
    judgement: Judgement,
    *,
    annotator: Annotator,
    form: JudgementForm | None = None,
    **context: Any,
) -> HttpResponse:
    """What was submitted, to be revised; with the sentence alone where it can no longer be."""
    if form is None:
        form = JudgementForm.from_judgement(judgement, slot=slot, texts=texts_of(slot), by=annotator)
        if draft := leases.drafted(slot, by=annotator, revises=judgement.revision):
            form.restore(draft.content)
            context["draft"] = draft
    locked = judgements.revisable(judgement)
    for field in form.fields.values():
        field.disabled = bool(locked)
    return shown_task(request, slot, annotator=annotator, form=form, judgement=judgement, locked=locked, **context)


def answers_of(form: JudgementForm) -> list[Answer]:
    ranks = {bound.name: bound for bound in form.rank_rows}
    return [
        Answer(letter=letter, text=form.texts[position], rank=ranks.get(f"rank_{letter}"))
        for letter, position in zip(form.letters, form.slot.order, strict=True)
    ]


def refused(request: MemberRequest, slot: Slot, form: JudgementForm, *, error: AnnotationError) -> HttpResponse:
    """Say why, and leave the ranking where it is: to a script only the notice goes."""
    lost = isinstance(error, SlotLost)
    revisable = isinstance(error, AlreadyJudged)
    context = {"message": str(error), "lost": lost, "form": form, "slot": slot, "project": slot.task.project}
    context |= {"revisable": revisable}
    if request.htmx:
        return render(request, "annotation/desk/_refused.html", context, status=error.status_code)
    message: dict[str, Any] = {"message": str(error), "status": error.status_code}
    if not lost and form.revision is not None and (judgement := judgements.current_of(slot, by=form.by)):
        return shown_revision(request, slot, judgement, annotator=form.by, form=form, **message)
    if lost or leases.loss(slot, by=form.by):
        return render(request, "annotation/desk/refused.html", context, status=error.status_code)
    return shown_task(request, slot, annotator=form.by, form=form if form.is_bound else None, **message)


def shown(
    request: MemberRequest, name: str, *, project: Project, annotator: Annotator, status: int = 200, **context: Any
) -> HttpResponse:
    """The page, or of a task the part that changes when a script asks. No cache may mix them up, or keep what was
    read."""
    is_ahead = "after" in request.GET
    progress = Progress.as_shown(request.GET.get("counts", "")) if is_ahead else None
    progress = progress or progress_in([project], annotator=annotator)[project.pk]
    if is_ahead:
        progress = progress.after_one()
    is_part = request.htmx and name == "desk"
    template = f"annotation/desk/_{name}.html" if is_part else f"annotation/desk/{name}.html"
    response = render(request, template, {"project": project, "progress": progress, **context}, status=status)
    add_never_cache_headers(response)
    patch_vary_headers(response, ["HX-Request"])
    return response

"""What the desk shows: a task, a revision, the end of the queue, a refusal. One view serves page and fragment."""

from typing import Any

from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.safestring import SafeString

from annotation.actions import judgements, leases
from annotation.exceptions import AlreadyJudged, AnnotationError, SlotLost
from annotation.forms.judgements import JudgementForm
from annotation.forms.letters import LETTERS, order_tokens
from annotation.forms.skips import SkipForm
from annotation.models import Annotator, Draft, Judgement, Project, Slot
from annotation.views.desk_frames import frame_of
from annotation.views.desk_texts import Texts
from annotation.views.progress import Progress, progress_in
from annotation.views.requests import MemberRequest

COUNTS = "Desk-Counts"  # request: what the task that the page has already shows of progress


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
    is_ahead: bool = False,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """One's own task. With `is_ahead` it is for later, and its counts are as they will be then."""
    progress = progress_at(request, slot.task.project, annotator=annotator, is_ahead=is_ahead)
    if form is None:
        # A slot that the queue has just found has been asked already.
        draft = leases.drafted(slot, by=annotator) if getattr(slot, "has_draft", True) else None
        if request.htmx and draft is None and not any(context.values()):
            return shown_fresh(request, slot, annotator=annotator, progress=progress)
        form = form_of(slot, by=annotator)
        if draft:
            form.restore(draft.content)
    texts = Texts(slot, form.texts)
    context |= {
        "slot": slot,
        "conversation": texts.conversation,
        "answers": texts.answers(form),
        "form": form,
        "draft": draft,
        "skip_form": SkipForm(),
        "guideline": slot.guideline_version,
        "progress": progress,
    }
    return shown(request, "desk", project=slot.task.project, annotator=annotator, status=status, **context)


def shown_fresh(request: MemberRequest, slot: Slot, *, annotator: Annotator, progress: Progress) -> HttpResponse:
    """To a script, a task on which nothing has been done yet."""
    texts = Texts(slot, texts_of(slot))
    frame = frame_of(slot, by=annotator, size=len(texts.texts), goes_back=bool(progress.done))
    key = str(slot.submission_key)
    values = {
        "token": str(slot.token),
        "csrf": get_token(request),
        "key": key,
        "shown": order_tokens(slot.order, slot=slot, by=annotator, submission_key=key),
        "in_short": progress.in_short,
        "counts": counts_of(progress),
        "conversation": texts.conversation,
    }
    for letter, position in zip(LETTERS, slot.order, strict=False):
        values |= {f"text_{letter}": texts.text(position), f"raw_{letter}": texts.raw(position)}
    return uncached(HttpResponse(frame.around(values)))


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
    if locked:
        form.lock()
    return shown_task(request, slot, annotator=annotator, form=form, judgement=judgement, locked=locked, **context)


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
    request: MemberRequest,
    name: str,
    *,
    project: Project,
    annotator: Annotator,
    progress: Progress | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """The page, or of a task the part that changes when a script asks."""
    progress = progress or progress_at(request, project, annotator=annotator)
    is_part = request.htmx and name == "desk"
    template = f"annotation/desk/_{name}.html" if is_part else f"annotation/desk/{name}.html"
    context |= {"project": project, "progress": progress, "counts": counts_of(progress)}
    return uncached(render(request, template, context, status=status))


def progress_at(
    request: MemberRequest, project: Project, *, annotator: Annotator, is_ahead: bool = False
) -> Progress:
    """Theirs in the project; ahead, as it will be after the task that the page has now, whose counts it sends."""
    told = request.headers.get(COUNTS) or request.GET.get("counts", "")
    progress = Progress.as_shown(told) if is_ahead else None
    progress = progress or progress_in([project], annotator=annotator)[project.pk]
    return progress.after_one() if is_ahead else progress


def counts_of(progress: Progress) -> SafeString:
    return render_to_string("annotation/desk/_counts.html", {"progress": progress})


def uncached(response: HttpResponse) -> HttpResponse:
    """No cache may mix up a page and its part, or keep what was read."""
    add_never_cache_headers(response)
    patch_vary_headers(response, ["HX-Request"])
    return response

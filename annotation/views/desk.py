"""The desk's addresses: the next task, one task, and what is sent from there. `desk_pages` draws them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import hidden, judgements, leases
from annotation.actions.hidden import Feedback
from annotation.actions.members import seated
from annotation.exceptions import GuidelineUnread, InvalidJudgement, NotFound, NotQualified, Paused, SlotLost
from annotation.forms.skips import SkipForm
from annotation.models import Annotator, Judgement, Project, Slot
from annotation.views import desk_pages
from annotation.views.requests import MemberRequest, signed_in

BEFORE = (GuidelineUnread, NotQualified, Paused)  # what stands before the next task
REVISED = gettext_lazy("Your revision is kept.")
HOLDS = "Desk-Holds"  # request: the slot that the page has already
NEXT = "Desk-Next"  # answer: that slot is still theirs, show it; what comes with it is the one after


@require_safe
@signed_in
def next_task(request: MemberRequest, slug: str) -> HttpResponse:
    """The task in this person's hands or the next one; with `?after=` the one after that, for the page to keep."""
    project, annotator = seated(request.user, slug)
    return shown_next(request, project, annotator=annotator, ahead_of=token_in(request.GET.get("after")))


@require_safe
@signed_in
def task(request: MemberRequest, slug: str, token: UUID) -> HttpResponse:
    """One's own task: to be judged, or once it was judged to be revised."""
    slot, annotator = held(request, slug, token)
    if judgement := judgements.current_of(slot, by=annotator):
        return desk_pages.shown_revision(request, slot, judgement, annotator=annotator)
    if error := leases.loss(slot, by=annotator):
        raise error
    return desk_pages.shown_task(request, slot, annotator=annotator)


@require_POST
@signed_in
def submit(request: MemberRequest, slug: str, token: UUID) -> HttpResponse:
    slot, annotator = held(request, slug, token)
    form = desk_pages.form_of(slot, by=annotator, data=request.POST)
    if not form.is_valid():
        return desk_pages.refused(request, slot, form, error=InvalidJudgement(form.sentences))
    try:
        judgement = said(slot, form.judgement(), by=annotator, revises=form.revision)
    except (InvalidJudgement, SlotLost) as error:
        return desk_pages.refused(request, slot, form, error=error)
    is_revision = form.revision is not None
    return onward(
        request, slot.task.project, annotator=annotator, feedback=hidden.feedback(judgement), revised=is_revision
    )


@require_POST
@signed_in
def skip(request: MemberRequest, slug: str, token: UUID) -> HttpResponse:
    slot, annotator = held(request, slug, token)
    form = SkipForm(request.POST)
    if not form.is_valid():
        error = InvalidJudgement(" ".join(str(text) for texts in form.errors.values() for text in texts))
        return desk_pages.refused(request, slot, desk_pages.form_of(slot, by=annotator), error=error)
    try:
        leases.skip(slot, by=annotator, reason=form.in_words)
    except (InvalidJudgement, SlotLost) as error:
        return desk_pages.refused(request, slot, desk_pages.form_of(slot, by=annotator), error=error)
    return onward(request, slot.task.project, annotator=annotator)


@require_POST
@signed_in
def save_draft(request: MemberRequest, slug: str, token: UUID) -> HttpResponse:
    """Keep what is chosen so far, and the lease alive with it."""
    slot, annotator = held(request, slug, token)
    form = desk_pages.form_of(slot, by=annotator, data=request.POST)
    if not form.is_readable:
        return desk_pages.refused(request, slot, form, error=InvalidJudgement(form.sentences))
    page = leases.Page(form.cleaned_data["submission_key"], form.revision)
    try:
        leases.save_draft(slot, by=annotator, content=form.draft(), page=page)
        if page.revises is None:
            leases.renew(slot, by=annotator)
    except (InvalidJudgement, SlotLost) as error:
        return desk_pages.refused(request, slot, form, error=error)
    return HttpResponse(status=204)


def said(slot: Slot, judgement: dict[str, object], *, by: Annotator, revises: int | None) -> Judgement:
    if revises is None:
        return judgements.submit(slot.pk, by=by, read=slot, **judgement)  # type: ignore[arg-type]
    return judgements.revise(slot.pk, by=by, revises=revises, **judgement)  # type: ignore[arg-type]


def held(request: MemberRequest, slug: str, token: UUID) -> tuple[Slot, Annotator]:
    """The slot, if it is or was this person's; anything else looks as if it were not there."""
    if (slot := leases.shown_to(request.user, slug=slug, token=token)) and slot.annotator:
        return slot, slot.annotator
    project, annotator = seated(request.user, slug)
    slot = leases.held_by(annotator, token=token)
    if slot.task.project_id != project.pk:
        raise NotFound(f"There is no slot {token} that is yours.")
    return slot, annotator


def token_in(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def onward(
    request: MemberRequest,
    project: Project,
    *,
    annotator: Annotator,
    feedback: Feedback | None = None,
    revised: bool = False,
) -> HttpResponse:
    """After a submission or a skip: the next task; or, if the page has that already, the one after it."""
    if not request.htmx:
        if revised:
            messages.success(request, REVISED)
        return redirect("annotation:desk", project.slug)
    reserve = token_in(request.headers.get(HOLDS))
    if reserve is None:
        return shown_next(request, project, annotator=annotator, feedback=feedback, revised=revised and REVISED)
    return shown_after(request, project, annotator=annotator, reserve=reserve, feedback=feedback)


def shown_after(
    request: MemberRequest, project: Project, *, annotator: Annotator, reserve: UUID, feedback: Feedback | None
) -> HttpResponse:
    """To a page that has a reserve: what to say of the task before, and the task after the reserve; or, if that is
    not theirs any more, the next task."""
    try:
        following = leases.go_on(project, by=annotator, reserve=reserve)
    except BEFORE as error:
        return shown_before(request, project, error, annotator=annotator, feedback=feedback)
    if not following.holds_reserve:
        return shown_slot(request, project, following.slot, annotator=annotator, feedback=feedback)
    answer = HttpResponse()
    if following.slot is not None:
        answer = desk_pages.shown_task(request, following.slot, annotator=annotator, is_ahead=True)
    if feedback is not None:
        before = render_to_string("annotation/desk/_feedback.html", {"feedback": feedback})
        answer.content = before.encode() + answer.content
    answer[NEXT] = str(reserve)
    return answer


def shown_next(
    request: MemberRequest,
    project: Project,
    *,
    annotator: Annotator,
    ahead_of: UUID | None = None,
    **context: Any,
) -> HttpResponse:
    """The task in this person's hands, or the next one of the queue, or what stands before it, or the end."""
    try:
        slot = leases.claim(project, by=annotator, ahead_of=ahead_of)
    except BEFORE as error:
        return shown_before(request, project, error, annotator=annotator, **context)
    if slot is None and ahead_of is not None:
        # Not the end: after the last of the qualification set the real tasks come, once it is known how it went.
        return HttpResponse(status=204)
    is_ahead = ahead_of is not None
    return shown_slot(request, project, slot, annotator=annotator, is_ahead=is_ahead, **context)


def shown_before(
    request: MemberRequest,
    project: Project,
    error: GuidelineUnread | NotQualified | Paused,
    *,
    annotator: Annotator,
    **context: Any,
) -> HttpResponse:
    """What stands before the next task."""
    context |= {"project": project, "annotator": annotator, "message": str(error)}
    if isinstance(error, GuidelineUnread):
        return desk_pages.shown(request, "guideline", guideline=error.guideline, **context)
    # To the script that has just submitted it is what comes next, and no refusal of what it sent.
    status = 200 if request.htmx else error.status_code
    page = "paused" if isinstance(error, Paused) else "unqualified"
    return desk_pages.shown(request, page, status=status, **context)


def shown_slot(
    request: MemberRequest, project: Project, slot: Slot | None, *, annotator: Annotator, **context: Any
) -> HttpResponse:
    if slot is None:
        return desk_pages.shown(request, "end", project=project, annotator=annotator, **context)
    return desk_pages.shown_task(request, slot, annotator=annotator, **context)

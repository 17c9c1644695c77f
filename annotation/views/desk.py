"""The desk's addresses: the next task, one task, and what is sent from there. `desk_pages` draws them."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import hidden, judgements, leases, seats
from annotation.actions.members import annotator_of, project_for
from annotation.exceptions import GuidelineUnread, InvalidJudgement, NotFound, NotQualified, SlotLost
from annotation.forms.judgements import SkipForm
from annotation.models import Annotator, Project, Slot
from annotation.views import desk_pages
from annotation.views.requests import MemberRequest, signed_in


@require_safe
@signed_in
def next_task(request: MemberRequest, slug: str) -> HttpResponse:
    """The task in this person's hands or the next one; with `?after=` the one after that, for the page to keep."""
    project = project_for(request.user, slug)
    annotator = annotator_of(request.user)
    return shown_next(request, project, annotator=annotator, after=request.GET.get("after"))


@require_safe
@signed_in
def task(request: MemberRequest, slug: str, token: str) -> HttpResponse:
    """One's own task: to be judged, or once it was judged to be revised."""
    slot, annotator = held(request, slug, token)
    if judgement := judgements.current_of(slot, by=annotator):
        return desk_pages.shown_revision(request, judgement, annotator=annotator)
    if error := leases.loss(slot, by=annotator):
        raise error
    return desk_pages.shown_task(request, slot, annotator=annotator)


@require_POST
@signed_in
def submit(request: MemberRequest, slug: str, token: str) -> HttpResponse:
    slot, annotator = held(request, slug, token)
    form = desk_pages.form_of(slot, by=annotator, data=request.POST)
    if not form.is_valid():
        return desk_pages.refused(request, slot, form, error=InvalidJudgement(form.sentences))
    try:
        said = form.judgement()
        act = judgements.submit if said.get("revises") is None else judgements.revise
        judgement = act(slot.pk, by=annotator, **said)
    except (InvalidJudgement, SlotLost) as error:
        return desk_pages.refused(request, slot, form, error=error)
    return onward(request, slot.task.project, annotator=annotator, feedback=hidden.feedback(judgement))


@require_POST
@signed_in
def skip(request: MemberRequest, slug: str, token: str) -> HttpResponse:
    slot, annotator = held(request, slug, token)
    form = SkipForm(request.POST)
    if not form.is_valid():
        error = InvalidJudgement(form.sentences)
        return desk_pages.refused(request, slot, desk_pages.form_of(slot, by=annotator), error=error)
    try:
        leases.skip(slot, by=annotator, reason=form.in_words)
    except (InvalidJudgement, SlotLost) as error:
        return desk_pages.refused(request, slot, desk_pages.form_of(slot, by=annotator), error=error)
    return onward(request, slot.task.project, annotator=annotator)


@require_POST
@signed_in
def save_draft(request: MemberRequest, slug: str, token: str) -> HttpResponse:
    """Keep what is chosen so far, and the lease alive with it."""
    slot, annotator = held(request, slug, token)
    form = desk_pages.form_of(slot, by=annotator, data=request.POST)
    form.is_valid()
    try:
        desk_pages.keep_draft(slot, form, by=annotator)
    except (InvalidJudgement, SlotLost) as error:
        return desk_pages.refused(request, slot, form, error=error)
    return HttpResponse(status=204)

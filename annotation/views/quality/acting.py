"""What is done about quality: a person is paused, judgements count no more. Each asks once and says what will
happen."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import exclusions, members, pauses
from annotation.actions.members import ADMINS, REVIEWERS, project_for
from annotation.exceptions import InvalidReason, LastAdmin
from annotation.forms.acting import ChosenForm, ExclusionForm, PauseForm
from annotation.models import Annotator, Judgement, Membership, Project, Release, Seat, Slot
from annotation.models.judgements import JudgementQuerySet
from annotation.views.quality.people import annotator_of
from annotation.views.requests import MemberRequest, signed_in


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The judgements that are meant, and of whom if they are one person's."""

    form: ChosenForm
    annotator: Annotator | None
    judgements: JudgementQuerySet

    @property
    def current(self) -> JudgementQuerySet:
        return self.judgements.filter(revised_by__isnull=True)

    @property
    def about(self) -> dict[str, Any]:
        """For the audit row."""
        said = self.form.cleaned_data
        days = {name: said[name].isoformat() for name in ("since", "until") if said[name]}
        return {"annotator": self.annotator.name, **days} if self.annotator else {"uids": self.form.uids}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def pause(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=ADMINS)
    annotator = annotator_of(project, name)
    seat = Seat.objects.filter(project=project, annotator=annotator).first()
    form = PauseForm(request.POST or None, initial={"reason": seat.paused_because if seat else ""})
    if request.method == "POST" and form.is_valid():
        try:
            pauses.pause(project, annotator=annotator, reason=form.cleaned_data["reason"], by=request.user)
        except InvalidReason as error:
            form.add_error("reason", str(error))
        else:
            messages.success(
                request, _("%(name)s gets no more tasks here until you let them go on.") % {"name": name}
            )
            return redirect("annotation:quality_person", slug, name)
    held = Slot.objects.filter(task__project=project, annotator=annotator, state=Slot.State.LEASED).count()
    context = {"project": project, "annotator": annotator, "seat": seat, "form": form, "held": held}
    return render(request, "annotation/quality/acting/pause.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def resume(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=ADMINS)
    pauses.lift(project, annotator=annotator_of(project, name), by=request.user)
    messages.success(request, _("%(name)s gets tasks again.") % {"name": name})
    return redirect("annotation:quality_person", slug, name)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    """Take them out of the project without saying who they are: that would tell whose the judgements are, and so
    would a page that tells members from those who are none any more."""
    project = project_for(request.user, slug, roles=ADMINS)
    annotator = annotator_of(project, name)
    if request.method != "POST":
        context = {"project": project, "annotator": annotator}
        return render(request, "annotation/quality/acting/remove.html", context)
    membership = Membership.objects.filter(project=project, user__annotator=annotator).first()
    try:
        if membership is not None:
            members.dismiss(membership, by=request.user)
    except LastAdmin as error:
        raise LastAdmin(_("%(name)s is the only admin of this project.") % {"name": name}) from error
    messages.success(request, _("%(name)s is no member any more. What they judged stays.") % {"name": name})
    return redirect("annotation:quality_person", slug, name)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def exclude(request: MemberRequest, slug: str) -> HttpResponse:
    """Without a reason it is a question, also by POST: a list sends what was ticked."""
    project = project_for(request.user, slug, roles=REVIEWERS)
    chosen = chosen_in(request, project)
    form = ExclusionForm(request.POST if "reason" in request.POST else None)
    if chosen.form.is_valid() and form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        n = exclusions.exclude(project, judgements=chosen.judgements, reason=reason, by=request.user, **chosen.about)
        messages.success(request, _excluded(n))
        return onward(project, chosen)
    return asked(request, project, chosen, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def lift(request: MemberRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=REVIEWERS)
    chosen = chosen_in(request, project)
    if request.method == "POST" and chosen.form.is_valid() and "sure" in request.POST:
        n = exclusions.lift(project, judgements=chosen.judgements, by=request.user, **chosen.about)
        messages.success(request, _counting(n))
        return onward(project, chosen)
    return asked(request, project, chosen, form=None)


def chosen_in(request: MemberRequest, project: Project) -> Chosen:
    """
    Raises:
        NotFound: nobody called so, or no such judgement.
    """
    said = request.POST if request.method == "POST" else request.GET
    form = ChosenForm(said, uids=said.getlist("uid"))
    if not form.is_valid():
        return Chosen(form=form, annotator=None, judgements=Judgement.objects.none())
    if form.uids:
        return Chosen(form=form, annotator=None, judgements=exclusions.of_uids(project, form.uids))
    days = {name: form.cleaned_data[name] for name in ("since", "until")}
    annotator = annotator_of(project, form.cleaned_data["annotator"])
    found = exclusions.of_annotator(project, annotator=annotator, **days)
    return Chosen(form=form, annotator=annotator, judgements=found)


def asked(request: MemberRequest, project: Project, chosen: Chosen, *, form: ExclusionForm | None) -> HttpResponse:
    """What would happen. With `form`: exclude; without: lift."""
    counting = exclusions.counting if form is not None else _liftable
    context: dict[str, Any] = {"project": project, "chosen": chosen, "form": form}
    if chosen.form.is_valid():
        context["n"] = counting(chosen.current).count()
        context["releases"] = (
            Release.objects.filter(project=project, judgements__in=chosen.judgements).distinct().count()
        )
    page = "exclude" if form is not None else "lift"
    refused = not chosen.form.is_valid() or (form is not None and bool(form.errors))
    return render(request, f"annotation/quality/acting/{page}.html", context, status=400 if refused else 200)


def _liftable(judgements: JudgementQuerySet) -> JudgementQuerySet:
    return exclusions.excluded(judgements).exclude(exclusions__withdrawn=True)


def onward(project: Project, chosen: Chosen) -> HttpResponseRedirect:
    query = {"annotator": chosen.annotator.name} if chosen.annotator else {}
    return HttpResponseRedirect(reverse("annotation:quality_judgements", args=[project.slug], query=query))


def _excluded(n: int) -> str:
    return ngettext("%(n)d judgement counts no more.", "%(n)d judgements count no more.", n) % {"n": n}


def _counting(n: int) -> str:
    return ngettext("%(n)d judgement counts again.", "%(n)d judgements count again.", n) % {"n": n}

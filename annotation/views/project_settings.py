"""What a project asks for, whether it goes on, and what it is judged by."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from annotation.actions import alerts, overlap, projects
from annotation.actions import guidelines as guideline_actions
from annotation.actions.members import ADMINS, project_for
from annotation.exceptions import ChangedMeanwhile, NotFound
from annotation.formats import differences
from annotation.forms.project_settings import CriteriaFormSet, GuidelineForm, SettingsForm
from annotation.models import Guideline, Project
from annotation.views.requests import MemberRequest, signed_in


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def settings(request: MemberRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=ADMINS)
    if request.method != "POST":
        form = SettingsForm(instance=project, initial={"seen": projects.settings_mark(project)})
        return shown_settings(request, project, form, CriteriaFormSet(initial=project.criteria, prefix="criteria"))
    if "add" in request.POST:
        return with_another_row(request, project)
    # A form of its own copy: what is refused must not stand in the page's head as if it were so.
    form = SettingsForm(request.POST, instance=Project.objects.get(pk=project.pk))
    criteria = CriteriaFormSet(request.POST, prefix="criteria")
    if not (form.is_valid() & criteria.is_valid()):
        return shown_settings(request, project, form, criteria, status=400)
    try:
        said = {**form.values(), "criteria": criteria.values()}
        changes = projects.change(project, seen=form.cleaned_data["seen"], by=request.user, **said)
    except ChangedMeanwhile as error:
        form.add_error(None, str(error))
        return shown_settings(request, project, form, criteria, status=error.status_code)
    messages.success(request, _("Saved.") if changes else _("Nothing was changed."))
    if form.cleaned_data["apply_to_waiting"]:
        messages.success(request, widened(project, form.cleaned_data["overlap"], by=request.user))
    return redirect("annotation:settings", project.slug)


def widened(project: Project, people: int, *, by: Any) -> str:
    count = overlap.widen(project, overlap=people, by=by)
    return ngettext(
        "%(count)d waiting task now asks %(people)d people.",
        "%(count)d waiting tasks now ask %(people)d people.",
        count,
    ) % {"count": count, "people": people}


def with_another_row(request: MemberRequest, project: Project) -> HttpResponse:
    """The page as it was filled in, with one more empty criterion; nothing is saved."""
    posted = request.POST.copy()
    shown = posted.get("criteria-TOTAL_FORMS", "")
    rows = int(shown) if shown.isdecimal() and len(shown) < 3 else 0
    posted["criteria-TOTAL_FORMS"] = str(rows + 1)
    posted[f"criteria-{rows}-scale"], posted[f"criteria-{rows}-required"] = "5", "on"
    typed = {name: posted.get(name, "") for name in SettingsForm.base_fields}
    form = SettingsForm(instance=Project.objects.get(pk=project.pk), initial=typed)
    return shown_settings(request, project, form, CriteriaFormSet(posted, prefix="criteria"), checked=False)


def shown_settings(
    request: MemberRequest,
    project: Project,
    form: SettingsForm,
    criteria: Any,
    *,
    status: int = 200,
    checked: bool = True,
) -> HttpResponse:
    context = {
        "project": project,
        "form": form,
        "criteria": criteria,
        "checked": checked,
        "telling": {"mail": alerts.mail_is_set_up(), "addresses": len(alerts.addresses_of(project))},
        "waiting": overlap.narrower(project, overlap=project.overlap).count(),
    }
    return render(request, "annotation/project/settings.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def state(request: MemberRequest, slug: str, state: str) -> HttpResponse:
    """Says what will happen, and on the second word does it."""
    project = project_for(request.user, slug, roles=ADMINS)
    if state not in Project.State.values or state == project.state:
        raise NotFound(_("%(project)s cannot be changed to that.") % {"project": project})
    if request.method != "POST":
        held = project.tasks.filter(slots__state="leased").count()
        return render(request, "annotation/project/state.html", {"project": project, "state": state, "held": held})
    projects.set_state(project, state=state, by=request.user)
    messages.success(request, done_words(state))
    return redirect("annotation:settings", project.slug)


def done_words(state: str) -> str:
    words = {
        Project.State.ACTIVE: _("The project goes on: tasks are given out again."),
        Project.State.PAUSED: _("The project is paused: no task is given out."),
        Project.State.ENDED: _("The project has ended."),
    }
    return words[Project.State(state)]


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def guidelines(request: MemberRequest, slug: str) -> HttpResponse:
    """The versions, and the next one: written, looked at, saved."""
    project = project_for(request.user, slug, roles=ADMINS)
    latest = project.guideline
    if request.method != "POST":
        initial = {"text": latest.text if latest else "", "after": latest.number if latest else 0}
        return shown_guidelines(request, project, GuidelineForm(initial=initial))
    form = GuidelineForm(request.POST)
    if form.is_valid() and latest and form.cleaned_data["text"] == latest.text:
        form.add_error("text", _("Nothing is different from version %(number)d.") % {"number": latest.number})
    if not form.is_valid():
        return shown_guidelines(request, project, form, status=400)
    try:
        published = guideline_actions.publish(project, by=request.user, **form.cleaned_data)
    except ChangedMeanwhile as error:
        form = GuidelineForm({**request.POST.dict(), "after": project.guideline.number if project.guideline else 0})
        form.add_error(None, str(error))
        return shown_guidelines(request, project, form, status=error.status_code)
    messages.success(request, published_words(published, project))
    return redirect("annotation:project_guidelines", project.slug)


def published_words(guideline: Guideline, project: Project) -> str:
    if project.acknowledgement_asked:
        words = _("Version %(number)d is out. Everybody confirms it before their next task.")
    else:
        words = _("Version %(number)d is out. Nobody is asked to confirm it: the settings say so.")
    return words % {"number": guideline.number}


@require_http_methods(["POST"])
@signed_in
def preview(request: MemberRequest, slug: str) -> HttpResponse:
    """How it will look and what is different; nothing is saved. Under htmx the fragment, else the whole page."""
    project = project_for(request.user, slug, roles=ADMINS)
    form = GuidelineForm(request.POST)
    form.is_valid()
    if not request.htmx:
        return shown_guidelines(request, project, form)
    return render(request, "annotation/project/_preview.html", previewed(project, form))


def shown_guidelines(
    request: MemberRequest, project: Project, form: GuidelineForm, *, status: int = 200
) -> HttpResponse:
    chosen = request.GET.get("version", "")
    versions = project.guidelines.order_by("-number")
    context = {
        "project": project,
        "form": form,
        "versions": versions.defer("text"),
        "shown": versions.filter(number=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 7 else None,
        **previewed(project, form),
    }
    return render(request, "annotation/project/guidelines.html", context, status=status)


def previewed(project: Project, form: GuidelineForm) -> dict[str, Any]:
    text = str(form["text"].value() or "")[:100_000].replace("\r\n", "\n")
    latest = project.guideline
    before = latest.text.replace("\r\n", "\n") if latest else ""
    changed = bool(latest) and text != before
    return {
        "text": text,
        "latest": latest,
        "changed": changed,
        "difference": differences.changes(before, text) if changed else None,
    }

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import known_answers, uploads
from annotation.actions.members import ADMINS, annotator_of, project_for
from annotation.actions.waiting import offered
from annotation.exceptions import AnnotationError, ChangedMeanwhile, Forbidden
from annotation.forms.projects import MoreDataForm, NewProjectForm
from annotation.models import Membership, Project
from annotation.permissions import may_administer, may_make_projects, may_see_releases
from annotation.views.progress import progress_in
from annotation.views.requests import MemberRequest, content_length, signed_in


@require_safe
@signed_in
def index(request: MemberRequest) -> HttpResponse:
    """My projects and what waits in each."""
    memberships = Membership.objects.filter(user=request.user).select_related("project").order_by("project__name")
    roles = {membership.project: membership.role for membership in memberships}
    projects = list(roles) or list(Project.objects.all() if request.user.is_superuser else [])
    progress = progress_in(projects, annotator=annotator_of(request.user))
    entries = [
        {
            "project": project,
            "progress": progress[project.pk],
            "sees_releases": may_see_releases(request.user, role=roles.get(project)),
            "administers": may_administer(request.user, role=roles.get(project)),
        }
        for project in projects
    ]
    may_make = may_make_projects(request.user)
    return render(request, "annotation/projects.html", {"entries": entries, "may_make": may_make})


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def new(request: MemberRequest) -> HttpResponse:
    """Name and data make a project."""
    if not may_make_projects(request.user):
        raise Forbidden(_("Projects are made by those who are admin of one. Ask whoever gave you this account."))
    if request.method != "POST":
        return render(request, "annotation/project/new.html", {"form": NewProjectForm()})
    form = NewProjectForm(request.POST, request.FILES, content_length=content_length(request))
    if not form.is_valid():
        status = 413 if form.too_large else 400
        return render(request, "annotation/project/new.html", {"form": form}, status=status)
    said = form.cleaned_data
    try:
        project = uploads.found(
            form.upload(), name=said["name"], slug=said["slug"], guideline=said["guidelines"], by=request.user
        )
    except AnnotationError as error:
        form.add_error("slug" if isinstance(error, ChangedMeanwhile) else "file", str(error))
        return render(request, "annotation/project/new.html", {"form": form}, status=error.status_code)
    messages.success(request, ready(project))
    return redirect("annotation:data", project.slug)


def ready(project: Project) -> str:
    waiting = offered(project).count()
    return ngettext(
        "%(project)s is ready and you are its admin: %(n)s task waits. Next, write guidelines and invite people.",
        "%(project)s is ready and you are its admin: %(n)s tasks wait. Next, write guidelines and invite people.",
        waiting,
    ) % {"project": project, "n": intcomma(waiting)}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def data(request: MemberRequest, slug: str) -> HttpResponse:
    """What was uploaded, with the rows that were rejected, and a form for more."""
    project = project_for(request.user, slug, roles=ADMINS)
    if request.method != "POST":
        return shown_data(request, project, MoreDataForm())
    form = MoreDataForm(request.POST, request.FILES, content_length=content_length(request))
    if not form.is_valid():
        return shown_data(request, project, form, status=413 if form.too_large else 400)
    try:
        uploads.take(form.upload(), project=project, by=request.user, queue=form.cleaned_data["queue"])
    except AnnotationError as error:
        form.add_error("file", str(error))
        return shown_data(request, project, form, status=error.status_code)
    return redirect("annotation:data", project.slug)


def shown_data(request: MemberRequest, project: Project, form: MoreDataForm, *, status: int = 200) -> HttpResponse:
    entries = [{"event": event, "words": uploads.in_words(event)} for event in uploads.uploads_of(project)]
    context = {"project": project, "form": form, "entries": entries, "listed": uploads.LISTED_REJECTS}
    context["unshown"] = known_answers.unshown(project)
    return render(request, "annotation/project/data.html", context, status=status)

"""Who takes part in a project, and who is invited to."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions import invitations as invitation_actions
from annotation.actions import members
from annotation.actions.members import ADMINS, project_for
from annotation.exceptions import LastAdmin, NotFound
from annotation.forms.members import InvitationForm, MemberForm, PlaceForm
from annotation.models import Membership, Project
from annotation.views.requests import MemberRequest, signed_in

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def index(request: MemberRequest, slug: str) -> HttpResponse:
    """The members, and a form that adds one by username."""
    project = project_for(request.user, slug, roles=ADMINS)
    form = MemberForm(request.POST or None, project=project)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        membership = members.add(project, user=said["username"], role=said["role"], by=request.user)
        members.change(membership, role=said["role"], groups=said["groups"], skills=said["skills"], by=request.user)
        messages.success(request, _("%(name)s is a member now.") % {"name": membership.user.get_username()})
        return redirect("annotation:members", project.slug)
    listed = Membership.objects.filter(project=project).select_related("user").order_by("user__username", "pk")
    page = Paginator(listed, PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "form": form, "page": page}
    return render(request, "annotation/project/members.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def member(request: MemberRequest, slug: str, pk: int) -> HttpResponse:
    """One member's role, groups and skills."""
    project, membership = member_of(request, slug, pk)
    initial = {"role": membership.role, "groups": membership.groups, "skills": membership.skills}
    form = PlaceForm(request.POST or None, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            members.change(membership, by=request.user, **form.cleaned_data)
        except LastAdmin as error:
            form.add_error("role", str(error))
            status = error.status_code
        else:
            messages.success(request, _("Saved."))
            return onward(request, project)
    context = {"project": project, "membership": membership, "form": form}
    return render(request, "annotation/project/member.html", context, status=max(status, 400 if form.errors else 200))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def remove(request: MemberRequest, slug: str, pk: int) -> HttpResponse:
    """Says what will happen, and on the second word does it."""
    project, membership = member_of(request, slug, pk)
    if request.method != "POST":
        return render(request, "annotation/project/remove.html", {"project": project, "membership": membership})
    name = membership.user.get_username()
    members.dismiss(membership, by=request.user)
    messages.success(request, _("%(name)s is no member any more. What they judged stays.") % {"name": name})
    return onward(request, project)


def member_of(request: MemberRequest, slug: str, pk: int) -> tuple[Project, Membership]:
    project = project_for(request.user, slug, roles=ADMINS)
    membership = Membership.objects.filter(project=project, pk=pk).select_related("project", "user").first()
    if membership is None:
        raise NotFound(_("This member is not there any more."))
    return project, membership


def onward(request: MemberRequest, project: Project) -> HttpResponse:
    """Back to the list; an admin who has just stepped down may not see it any more."""
    still = request.user.is_superuser or Membership.objects.filter(
        project=project, user=request.user, role__in=ADMINS
    )
    return redirect("annotation:members", project.slug) if still else redirect("annotation:projects")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def invitations(request: MemberRequest, slug: str) -> HttpResponse:
    """The invitations, and a form for another. Its link stands in the answer to that form and nowhere else."""
    project = project_for(request.user, slug, roles=ADMINS)
    form = InvitationForm(request.POST or None)
    link, made = "", None
    if request.method == "POST" and form.is_valid():
        made, token = invitation_actions.invite(project, by=request.user, **form.cleaned_data)
        link = request.build_absolute_uri(reverse("annotation:join", args=[token]))
        form = InvitationForm()
    listed = project.invitations.select_related("created_by").order_by("-created_at", "-pk")
    page = Paginator(listed, PAGE).get_page(request.GET.get("page"))
    usable = set(invitation_actions.standing().filter(pk__in=[item.pk for item in page]).values_list("pk", flat=True))
    context = {"project": project, "form": form, "page": page, "usable": usable, "link": link, "made": made}
    response = render(request, "annotation/project/invitations.html", context, status=400 if form.errors else 200)
    add_never_cache_headers(response)
    return response


@require_POST
@signed_in
def revoke(request: MemberRequest, slug: str, pk: int) -> HttpResponse:
    project = project_for(request.user, slug, roles=ADMINS)
    invitation = project.invitations.filter(pk=pk).first()
    if invitation is None:
        raise NotFound(_("This invitation is not there any more."))
    invitation_actions.revoke(invitation, by=request.user)
    messages.success(request, _("The invitation was withdrawn: its link lets nobody in any more."))
    return redirect("annotation:invitations", project.slug)

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation.actions.members import annotator_of
from annotation.models import Membership, Project
from annotation.permissions import may_see_releases
from annotation.views.progress import progress_in
from annotation.views.requests import MemberRequest, signed_in


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
        }
        for project in projects
    ]
    return render(request, "annotation/projects.html", {"entries": entries})

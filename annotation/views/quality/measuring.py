"""Somebody wants newer figures."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from annotation.actions.members import REVIEWERS, project_for
from annotation.actions.quality import asking
from annotation.models import Measurement
from annotation.views.requests import MemberRequest, signed_in


@require_POST
@signed_in
def measure(request: MemberRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=REVIEWERS)
    voices = request.POST.get("voices", "")
    asking.ask(project, voices=voices if voices in Measurement.SOURCES else "people", by=request.user)
    messages.success(request, gettext("New figures are asked for. They stand here once they are measured."))
    answer = redirect("annotation:quality", slug)
    if voices in Measurement.SOURCES and voices != "people":
        answer["Location"] += f"?voices={voices}"
    return answer

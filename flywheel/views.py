"""The loop, seen: generations, what each was trained on, and what people say of them; and a person forgotten, with
every model that learned from them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions import exclusions, reviews
from annotation.actions.members import ADMINS, REVIEWERS, project_for
from annotation.exceptions import Forbidden
from annotation.models import Annotator, Judgement, Membership, Project
from annotation.views.requests import MemberRequest, signed_in
from flywheel.actions import forgetting, lineage, lookup, status
from flywheel.exceptions import NotFound
from flywheel.permissions import loops_of

PAGE = 50


def opened(request: MemberRequest, slug: str) -> Project:
    return project_for(request.user, slug, roles=REVIEWERS)


@require_safe
@signed_in
def index(request: MemberRequest) -> HttpResponse:
    projects = list(loops_of(request.user))
    if len(projects) == 1:
        return redirect("flywheel:project", projects[0].slug)
    page = Paginator(projects, PAGE).get_page(request.GET.get("page"))
    return render(request, "flywheel/index.html", {"page": page})


@require_safe
@signed_in
def project(request: MemberRequest, slug: str) -> HttpResponse:
    found = opened(request, slug)
    page = Paginator(found.generations.all(), PAGE).get_page(request.GET.get("page"))
    shown = slice(max(0, page.start_index() - 1), page.end_index())
    context = {"project": found, "status": status.of(found, shown=shown), "page": page}
    return render(request, "flywheel/project.html", context)


@require_safe
@signed_in
def generation(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """From a model to one person's click."""
    found = lookup.generation(opened(request, slug), number=number)
    page = Paginator(lineage.judgements_behind(found), PAGE).get_page(request.GET.get("page"))
    context = {
        "project": found.project,
        "one": status.of_generation(found),
        "steps": lineage.behind(found),
        "page": page,
    }
    return render(request, "flywheel/generation.html", context)


@require_safe
@signed_in
def annotator(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    """From a person to every model that learned from them."""
    found = opened(request, slug)
    person = Annotator.objects.filter(name=name, judgements__task__project=found).first()
    if person is None:
        raise NotFound(
            gettext("Nobody called “%(name)s” has judged anything in %(project)s.") % {"name": name, "project": found}
        )
    judgements = Judgement.objects.current().filter(annotator=person, task__project=found)
    ordered = exclusions.marked(judgements.select_related("annotator", "task__prompt")).order_by("-pk")
    context = {
        "project": found,
        "annotator": person,
        "generations": lineage.touched_by(found, annotator=person),
        "excluded": exclusions.excluded(judgements).count(),
        "page": Paginator(ordered, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "flywheel/annotator.html", context)


@require_safe
@signed_in
def judgement(request: MemberRequest, slug: str, uid: str) -> HttpResponse:
    """What was said, by whom, under which guidelines, and every model that learned from it."""
    found = opened(request, slug)
    said = Judgement.objects.filter(task__project=found, uid=uid).select_related("annotator", "task__prompt").first()
    if said is None:
        raise NotFound(gettext("%(project)s has no such judgement.") % {"project": found})
    context = {
        "project": found,
        "judgement": said,
        "answers": said.task.positions.select_related("response__policy").order_by("position"),
        "blind": reviews.is_ranked_still(said.task),
        "withheld": reviews.asked_of(request.user, project=found).filter(pk=said.task_id).exists(),
        "releases": said.releases.all(),
        "exclusions": said.exclusions.order_by("-pk"),
        "generations": lineage.touched_by_judgement(said),
    }
    return render(request, "flywheel/judgement.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def forget(request: MemberRequest, slug: str, pk: int) -> HttpResponse:
    """Says what will happen, and on the second word does it. Beforehand no number and no list of what there is of
    them: with the pages that count by pseudonym, it would tell which one is theirs."""
    found = project_for(request.user, slug, roles=ADMINS)
    membership = Membership.objects.filter(project=found, pk=pk).select_related("user").first()
    if membership is None:
        raise NotFound(gettext("This member is not there any more."))
    person = forgetting.of_user(membership.user)
    traces = forgetting.traces_of(person)
    if why_not := forgetting.refusal(person, traces, by=request.user):
        raise Forbidden(why_not)
    chosen = request.POST.get("judgements", "")
    if request.method != "POST" or chosen not in ("keep", "withdraw"):
        context = {"project": found, "membership": membership, "asked": request.method == "POST"}
        return render(request, "flywheel/forget.html", context, status=400 if context["asked"] else 200)
    asked = {"withdraw": chosen == "withdraw", "delete_account": "delete_account" in request.POST}
    forgotten = forgetting.forget(person, by=request.user, **asked)
    messages.success(request, gettext("They are forgotten: nothing that is stored here says any more whose it was."))
    return render(request, "flywheel/forgotten.html", {"project": found, "traces": forgotten})

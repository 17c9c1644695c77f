"""Pages for reviewers: what needs a look, and one task with all that was said of it."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.actions import known_answers, reviews
from annotation.actions.members import REVIEWERS, project_for
from annotation.exceptions import Forbidden, InvalidJudgement, InvalidTask
from annotation.forms.reviews import AdjudicationForm
from annotation.models import Project, Task
from annotation.permissions import may_administer
from annotation.views.requests import MemberRequest, signed_in
from annotation.views.review.listing import DONE, RECENT, SHOW, Entry, Filters, filters_of, origin, place, window
from annotation.views.review.task import review_of, task_of, withheld_of

PAGE = 50
TAGS = 200


@require_safe
@signed_in
def index(request: MemberRequest, slug: str) -> HttpResponse:
    """Tasks that need a look, the most disputed first."""
    project = project_for(request.user, slug, roles=REVIEWERS)
    filters = filters_of(request.GET)
    seen = window(project, before=filters.before, reader=request.user)
    page = Paginator(filters.chosen(seen.entries), PAGE).get_page(request.GET.get("page"))
    context = {
        "project": project,
        "filters": filters,
        "page": page,
        "rows": with_prompts(list(page)),
        "place": place(request.GET.urlencode()),
        "older": seen.before,
        "looked_at": RECENT,
        **counts_of(seen.entries, filters=filters),
    }
    return render(request, "annotation/review/index.html", context)


@require_safe
@signed_in
def task(request: MemberRequest, slug: str, task_id: int) -> HttpResponse:
    project = project_for(request.user, slug, roles=REVIEWERS)
    return shown_task(request, project, task_id)


@require_POST
@signed_in
def adjudicate(request: MemberRequest, slug: str, task_id: int) -> HttpResponse:
    project = project_for(request.user, slug, roles=REVIEWERS)
    found = task_of(project, task_id)
    if withheld_from(request, found):
        raise Forbidden(gettext("You may still be asked to judge this task: say first that you will not."))
    form = form_of(found, size=found.positions.count(), data=request.POST)
    if not form.is_valid():
        return shown_task(request, project, task_id, form=form, status=400)
    try:
        reviews.adjudicate(found, by=request.user, ranking=form.ranking(), **form.said())
    except (InvalidJudgement, InvalidTask) as error:
        form.add_error(None, str(error))
        return shown_task(request, project, task_id, form=form, status=error.status_code)
    messages.success(request, gettext("Your decision is kept. What people said has not changed."))
    if form.said()["known"] and not project.gold_rate:
        messages.warning(request, nobody_meets_it(request.user, project=project))
    return redirect(address_of(project, task_id, came_from=origin(project, request.POST.get("from", ""))))


def nobody_meets_it(user: User, *, project: Project) -> str:
    """Of a known answer, where the project's rate of gold tasks is 0; with the way there for whoever may go it."""
    sentence = gettext("Known answers are shown to nobody while the gold rate is 0.")
    if not may_administer(user, role=getattr(project, "role", None)):
        return sentence
    address = reverse("annotation:settings", args=[project.slug])
    return format_html('{} <a href="{}#id_gold_rate">{}</a>', sentence, address, gettext("Set the gold rate"))


@require_http_methods(["GET", "POST"])
@signed_in
def reveal(request: MemberRequest, slug: str, task_id: int) -> HttpResponse:
    """Say who wrote the answers, once: no address shows it, and links on this page lead back to the task."""
    project = project_for(request.user, slug, roles=REVIEWERS)
    if request.method == "GET":
        return redirect(reverse("annotation:review_task", args=[slug, task_id], query=request.GET))
    found = task_of(project, task_id)
    return shown_task(request, project, task_id, revealed=reviews.reveal(found, by=request.user))


@require_POST
@signed_in
def read(request: MemberRequest, slug: str, task_id: int) -> HttpResponse:
    """They will not judge the task themselves, and want to see what was said of it."""
    project = project_for(request.user, slug, roles=REVIEWERS)
    reviews.read_instead(task_of(project, task_id), by=request.user)
    return redirect(address_of(project, task_id, came_from=origin(project, request.POST.get("from", ""))))


@require_safe
@signed_in
def people(request: MemberRequest, slug: str) -> HttpResponse:
    """Where the people stood before there were figures about all labels."""
    return redirect("annotation:quality_people", slug, permanent=True)


def shown_task(
    request: MemberRequest,
    project: Project,
    task_id: int,
    *,
    form: AdjudicationForm | None = None,
    revealed: bool = False,
    status: int = 200,
) -> HttpResponse:
    found = task_of(project, task_id)
    if withheld_from(request, found):
        review = withheld_of(found)
    else:
        review = review_of(found, revealed=revealed, page=request.GET.get("page"))
        review["form"] = form or form_of(found, size=len(review["answers"]))
    came_from = (request.POST if request.method == "POST" else request.GET).get("from", "")
    where = origin(project, came_from)
    context = {"project": project, "place": where, "is_quality": where.startswith("/"), **review}
    response = render(request, "annotation/review/task.html", context, status=status)
    add_never_cache_headers(response)
    return response


def withheld_from(request: MemberRequest, task: Task) -> bool:
    return reviews.asked_of(request.user, project=task.project).filter(pk=task.pk).exists()


def form_of(task: Task, *, size: int, data: QueryDict | None = None) -> AdjudicationForm:
    return AdjudicationForm(data, size=size, can_be_known=task.purpose in known_answers.SOURCES)


def address_of(project: Project, task_id: int, *, came_from: str) -> str:
    return reverse(
        "annotation:review_task", args=[project.slug, task_id], query={"from": came_from} if came_from else {}
    )


def counts_of(entries: list[Entry], *, filters: Filters) -> dict[str, Any]:
    """What the first line and the filters say, over everything looked at."""
    tagged = filters.tagged(entries)
    disputed = [entry for entry in tagged if entry.apart.is_dispute]
    return {
        "disputed": len(disputed),
        "undecided": sum(not entry.decided for entry in disputed),
        "compared": sum(entry.apart.share is not None for entry in tagged),
        "shows": {name: sum(map(test, tagged)) for name, test in SHOW.items()},
        "dones": {
            name: sum(test(entry) and SHOW[filters.show](entry) for entry in tagged) for name, test in DONE.items()
        },
        "tags": sorted(tag for tag, _ in Counter(tag for entry in entries for tag in entry.tags).most_common(TAGS)),
    }


def with_prompts(entries: list[Entry]) -> list[tuple[Entry, str]]:
    """Each task with the last thing that was asked."""
    tasks = Task.objects.select_related("prompt").in_bulk([entry.task for entry in entries])
    return [(entry, tasks[entry.task].prompt.last_message) for entry in entries]

"""What waits in a project, and putting more before people."""

from typing import Any

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, F, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from annotation.actions import audiences, known_answers, tasks
from annotation.actions.members import ADMINS, project_for
from annotation.actions.tasks import TasksCreated
from annotation.actions.waiting import offered
from annotation.exceptions import InvalidTask
from annotation.forms.queueing import QueueForm
from annotation.models import Annotator, Audience, Project, Task
from annotation.views.requests import MemberRequest, signed_in

LISTED = 100


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def queue(request: MemberRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=ADMINS)
    if request.method != "POST":
        initial = {"responses": project.responses_per_task, "overlap": project.overlap}
        return shown_queue(request, project, QueueForm(project=project, initial=initial))
    form = QueueForm(request.POST, project=project)
    if not form.is_valid():
        return shown_queue(request, project, form, status=400)
    try:
        created = queued(project, form.cleaned_data, by=request.user)
    except InvalidTask as error:
        form.add_error(None, str(error))
        return shown_queue(request, project, form, status=error.status_code)
    messages.success(request, in_words(created))
    for sentence in created.warnings:
        messages.warning(request, sentence)
    return redirect("annotation:queue", project.slug)


def queued(project: Project, said: dict[str, Any], *, by: Any) -> TasksCreated:
    """
    Raises:
        InvalidTask: one of the people is no member, or the numbers make no task.
    """
    audience = audiences.of(
        project, people=annotators_of(project, said["people"]), groups=said["groups"], skills=said["skills"]
    )
    return tasks.create_for_prompts(
        project,
        responses=said["responses"],
        overlap=said["overlap"],
        strategy=said["strategy"],
        seed=said["seed"],
        limit=said["limit"],
        skills_from_tags=said["skills_from_tags"],
        audience=audience,
        by=by,
    )


def annotators_of(project: Project, usernames: list[str]) -> list[str]:
    """The pseudonyms of these members, by which tasks name people."""
    members = {item.user.get_username(): item.user for item in project.memberships.select_related("user")}
    if missing := [name for name in usernames if name not in members]:
        raise InvalidTask(_("%(name)s is no member of this project; name its members.") % {"name": missing[0]})
    return [Annotator.objects.get_or_create(user=members[name])[0].name for name in usernames]


def in_words(created: TasksCreated) -> str:
    made = ngettext("%(n)s task was queued.", "%(n)s tasks were queued.", created.made)
    known = ngettext(
        "%(n)s was there already (%(reopened)s of them with more places now).",
        "%(n)s were there already (%(reopened)s of them with more places now).",
        created.known,
    )
    others = ngettext(
        "%(n)s of these is for other people, as it was queued before; it was left as it is.",
        "%(n)s of these are for other people, as they were queued before; they were left as they are.",
        created.others,
    )
    few = ngettext(
        "%(n)s prompt has too few different answers.",
        "%(n)s prompts have too few different answers.",
        created.too_few_responses,
    )
    said = [(made, created.made), (known, created.known), (others, created.others), (few, created.too_few_responses)]
    reopened = intcomma(created.reopened)
    return " ".join(
        sentence % {"n": intcomma(n), "reopened": reopened} for sentence, n in said if n or sentence == made
    )


def audience_names(project: Project) -> dict[int, str]:
    """Each audience in words. People by their accounts, as they were named here: beside those, their pseudonyms
    would tell whose the judgements are."""
    every = list(Audience.objects.filter(project=project))
    named = {name for audience in every for name in audience.people}
    people = dict(Annotator.objects.filter(name__in=named).values_list("name", "user__username"))
    unknown = _("somebody without an account")
    words = {}
    for audience in every:
        persons = [people.get(name) or unknown for name in audience.people]
        words[audience.pk] = ", ".join([*persons, *audience.groups, *audience.skills])
    return words


def shown_queue(request: MemberRequest, project: Project, form: QueueForm, *, status: int = 200) -> HttpResponse:
    groups = list(
        Task.objects.filter(project=project)
        .values("state", "purpose", "audience", "priority")
        .annotate(tasks=Count("pk"), places=Sum(F("overlap") - F("filled")))
        .order_by("-state", "purpose", "-priority", "audience")[: LISTED + 1]
    )
    named = audience_names(project)
    waiting = offered(project).aggregate(tasks=Count("pk"), places=Sum(F("overlap") - F("filled")))
    context = {
        "project": project,
        "form": form,
        "groups": [{**group, "audience": named.get(group["audience"], "")} for group in groups[:LISTED]],
        "more": len(groups) > LISTED,
        "waiting": waiting,
        "prompts": project.prompts.count(),
        "unshown": known_answers.unshown(project),
    }
    return render(request, "annotation/project/queue.html", context, status=status)

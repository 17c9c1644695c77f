"""What a person has submitted, to be opened and revised; and the guidelines that they confirm."""

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import judgements, seats
from annotation.actions.members import annotator_of, project_for
from annotation.exceptions import NotFound
from annotation.forms.letters import LETTERS, in_words
from annotation.models import Judgement
from annotation.views.requests import MemberRequest, signed_in


@require_safe
@signed_in
def index(request: MemberRequest, slug: str) -> HttpResponse:
    """The last 50, newest first, as they hold today."""
    project = project_for(request.user, slug)
    made = judgements.latest(project, by=annotator_of(request.user))
    entries = [
        {
            "judgement": judgement,
            "prompt": first_line(judgement),
            "ranking": in_letters(judgement),
        }
        for judgement in made
    ]
    return render(request, "annotation/desk/mine.html", {"project": project, "entries": entries})


@require_safe
@signed_in
def last(request: MemberRequest, slug: str) -> HttpResponse:
    """Back to the last submission: what `z` opens."""
    project = project_for(request.user, slug)
    made = judgements.latest(project, by=annotator_of(request.user), limit=1)
    address = redirect("annotation:task", slug, made[0].slot.token) if made else redirect("annotation:mine", slug)
    add_never_cache_headers(address)
    return address


@require_POST
@signed_in
def acknowledge(request: MemberRequest, slug: str) -> HttpResponse:
    """They have read the guidelines: on to the desk."""
    project = project_for(request.user, slug)
    number = forms.IntegerField(min_value=1)
    try:
        seats.acknowledge(project, by=annotator_of(request.user), number=number.clean(request.POST.get("number")))
    except forms.ValidationError:
        raise NotFound("There are no such guidelines.") from None
    return redirect("annotation:desk", slug)


def first_line(judgement: Judgement) -> str:
    """Of the message that was to be answered."""
    messages = judgement.task.prompt.messages
    lines = str(messages[-1]["content"]).strip().splitlines() if messages else []
    return lines[0] if lines else "…"


def in_letters(judgement: Judgement) -> str:
    """ "C, then A and D": as it looked on the desk, where letters went by the order shown."""
    letter_of = dict(zip(judgement.shown or [], LETTERS, strict=False))
    groups = [sorted(letter_of.get(position, "?") for position in group) for group in judgement.ranking]
    return gettext(", then ").join(in_words(group) for group in groups)

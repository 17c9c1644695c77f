"""What a person has submitted, to be opened and revised; and the guidelines that they confirm."""

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers, patch_cache_control, patch_vary_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import judgements, seats
from annotation.actions.members import seated
from annotation.exceptions import NotFound
from annotation.forms.letters import LETTERS, in_words, tiers
from annotation.models import Judgement
from annotation.views.requests import MemberRequest, signed_in


@require_safe
@signed_in
def index(request: MemberRequest, slug: str) -> HttpResponse:
    """The last 50, newest first, as they hold today."""
    project, annotator = seated(request.user, slug)
    made = judgements.latest(project, by=annotator)
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
    project, annotator = seated(request.user, slug)
    made = judgements.latest(project, by=annotator, limit=1)
    slots = [judgement.slot for judgement in made if judgement.slot]
    address = redirect("annotation:task", slug, slots[0].token) if slots else redirect("annotation:mine", slug)
    add_never_cache_headers(address)
    return address


@require_safe
@signed_in
def guidelines(request: MemberRequest, slug: str, number: int) -> HttpResponse:
    """One version of them: a page, and what the desk's dialog fetches when it is opened."""
    project, _ = seated(request.user, slug)
    guideline = project.guidelines.filter(number=number).first()
    if guideline is None:
        raise NotFound(gettext("There are no such guidelines."))
    template = "annotation/desk/_guideline_text.html" if request.htmx else "annotation/desk/guideline_text.html"
    answer = render(request, template, {"project": project, "guideline": guideline})
    patch_cache_control(answer, private=True, max_age=3600)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@require_POST
@signed_in
def acknowledge(request: MemberRequest, slug: str) -> HttpResponse:
    """They have read the guidelines: on to the desk."""
    project, annotator = seated(request.user, slug)
    number = forms.IntegerField(min_value=1)
    try:
        seats.acknowledge(project, by=annotator, number=number.clean(request.POST.get("number")))
    except forms.ValidationError:
        raise NotFound(gettext("There are no such guidelines.")) from None
    return redirect("annotation:desk", slug)


def first_line(judgement: Judgement) -> str:
    """Of the message that was to be answered."""
    messages = judgement.task.prompt.messages
    lines = str(messages[-1]["content"]).strip().splitlines() if messages else []
    return lines[0] if lines else "…"


def in_letters(judgement: Judgement) -> str:
    """ "C, then A and D": as it looked on the desk, where letters went by the order shown."""
    letter_of = dict(zip(judgement.shown or [], LETTERS, strict=False))
    return gettext(", then ").join(in_words(letters) for letters in tiers(judgement.ranking, letter_of))

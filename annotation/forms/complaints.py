"""What is missing in the desk's form, or does not go together: each a field's name and a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.formats.answers import REQUIRED, Asked
from annotation.formats.rubric import Criterion
from annotation.forms.desk_fields import rating_name
from annotation.forms.letters import in_words

Complaint = tuple[str, str]
Said = Mapping[str, Any]  # what the fields took, by their names


def complaints(said: Said, *, asked: Asked, letters: str, groups: Sequence[str]) -> Iterator[Complaint]:
    """`groups`: the letters that share a place, best first."""
    if asked.strength and len(letters) == 2:
        yield from _about_preference(said)
    elif len(letters) > 1:
        yield from _about_places(said, letters=letters, groups=groups, ties=asked.ties)
    if asked.acceptability and letters:
        yield from _about_line(said, alone=len(letters) == 1)
    for criterion in asked.rubric:
        yield from _about_ratings(said, criterion, letters=letters)
    yield from _about_texts(said, asked=asked, letters=letters)


def _about_preference(said: Said) -> Iterator[Complaint]:
    if said.get("preference") is None:
        yield "preference", _("Say which answer is better.")


def _about_places(said: Said, *, letters: str, groups: Sequence[str], ties: bool) -> Iterator[Complaint]:
    missing = [letter for letter in letters if said.get(f"rank_{letter}") is None]
    if missing:
        sentence = ngettext("%(letters)s still needs a place.", "%(letters)s still need a place.", len(missing))
        yield f"rank_{missing[0]}", sentence % {"letters": in_words(missing)}
    tied = next((group for group in groups if len(group) > 1), "")
    if tied and not ties:
        sentence = _("%(letters)s share a place; this project wants no ties.")
        yield f"rank_{tied[0]}", sentence % {"letters": in_words(tied)}


def _about_line(said: Said, *, alone: bool) -> Iterator[Complaint]:
    if said.get("line") is not None:
        return
    yield (
        "line",
        _("Say whether it is good enough to send.") if alone else _("Say which answers are good enough to send."),
    )


def _about_ratings(said: Said, criterion: Criterion, *, letters: str) -> Iterator[Complaint]:
    missing = [letter for letter in letters if said.get(rating_name(criterion, letter)) is None]
    if not missing or not (criterion.required or len(missing) < len(letters)):
        return
    sentence = ngettext(
        "%(letters)s has no rating for %(criterion)s.",
        "%(letters)s have no rating for %(criterion)s.",
        len(missing),
    )
    if not criterion.required:
        sentence = ngettext(
            "%(letters)s has no rating for %(criterion)s: rate all of them by it, or none.",
            "%(letters)s have no rating for %(criterion)s: rate all of them by it, or none.",
            len(missing),
        )
    values = {"letters": in_words(missing), "criterion": criterion.name}
    yield rating_name(criterion, missing[0]), sentence % values


def _about_texts(said: Said, *, asked: Asked, letters: str) -> Iterator[Complaint]:
    letter, text = said.get("edit_of", ""), said.get("edited", "")
    if letter and not text.strip():
        sentence = _("The edited text of %(letter)s is empty: write it, or choose no answer to edit.")
        yield "edited", sentence % {"letter": letter}
    if text.strip() and not letter:
        yield "edit_of", _("Say which answer you edited.")
    if not letters and not said.get("written", "").strip():
        yield "written", _("Write your answer: there is none here to judge.")
    if asked.reason == REQUIRED and not said.get("reason", "").strip():
        yield "reason", _("Say why: this project asks for a reason.")

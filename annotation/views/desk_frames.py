"""The part of the desk that is the same for every task of a project, drawn once.

A task differs from the next in a few places: its address, its key, its texts, its counts. All else (fields, buttons,
dialogs) takes a third of the time of a request, and is the same as long as the project's settings are. So it is drawn
with a mark in each of those places, and cut there; what a request puts between is never read again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from annotation.forms.judgements import JudgementForm
from annotation.forms.letters import LETTERS
from annotation.forms.skips import SkipForm
from annotation.models import Annotator, Project, Slot, Task
from annotation.views.desk_texts import Answer

# Nobody can guess them, and they stand wherever an identifier may.
TOKEN = uuid4()
PLACES = ("csrf", "key", "shown", "counts", "in_short", "conversation", *(f"raw_{x}" for x in LETTERS))
MARKS = {name: str(uuid4()) for name in (*PLACES, *(f"text_{x}" for x in LETTERS))} | {"token": str(TOKEN)}
PLACE_OF = {mark: name for name, mark in MARKS.items()}
ANY_MARK = re.compile("|".join(map(re.escape, PLACE_OF)))
MOST_KEPT = 32  # of some 20 kB; of 260 kB with nine answers and twenty criteria


@dataclass(frozen=True)
class Kind:
    """What the frame of a task depends on."""

    language: str | None
    prefix: str  # of the addresses, where the site does not stand at the root
    size: int
    guideline: int | None
    goes_back: bool
    stored: str
    project: Project = field(compare=False)
    by: Annotator = field(compare=False)


class Frame:
    def __init__(self, drawn: str) -> None:
        self.pieces = ANY_MARK.split(drawn)
        self.places = [PLACE_OF[mark] for mark in ANY_MARK.findall(drawn)]

    def around(self, values: Mapping[str, str]) -> SafeString:
        """The whole of it, with what is safe HTML between."""
        written = [self.pieces[0]]
        for place, piece in zip(self.places, self.pieces[1:], strict=True):
            written += (values[place], piece)
        return mark_safe("".join(written))  # noqa: S308  # templates escaped the pieces, the caller the values


def frame_of(slot: Slot, *, by: Annotator, size: int, goes_back: bool) -> Frame:
    project = slot.task.project
    stored = {name: value for name, value in vars(project).items() if name != "_state"}
    kind = Kind(
        get_language(), get_script_prefix(), size, slot.guideline_version, goes_back, repr(stored), project, by
    )
    return _drawn(kind) if settings.DEBUG else kept(kind)


def _drawn(kind: Kind) -> Frame:
    task = Task(project=kind.project)
    slot = Slot(task=task, token=TOKEN, order=list(range(kind.size)), guideline_version=kind.guideline)
    form = JudgementForm(slot=slot, texts=[""] * kind.size, by=kind.by)
    form.fields["submission_key"].initial, form.fields["shown"].initial = MARKS["key"], MARKS["shown"]
    context: dict[str, Any] = {
        "project": kind.project,
        "slot": slot,
        "form": form,
        "answers": [_card(form, letter) for letter in form.letters],
        "conversation": MARKS["conversation"],
        "counts": MARKS["counts"],
        "progress": SimpleNamespace(done=kind.goes_back, in_short=MARKS["in_short"]),
        "skip_form": SkipForm(),
        "guideline": kind.guideline,
        "csrf_token": MARKS["csrf"],
    }
    return Frame(render_to_string("annotation/desk/_desk.html", context))


def _card(form: JudgementForm, letter: str) -> Answer:
    rank = form[name] if (name := f"rank_{letter}") in form.fields else None
    return Answer(
        letter=letter, text=SafeString(MARKS[f"text_{letter}"]), raw=SafeString(MARKS[f"raw_{letter}"]), rank=rank
    )


kept = lru_cache(maxsize=MOST_KEPT)(_drawn)

"""The plain forms under the desk. Answers go by letter in the order shown; only here letters become positions."""

import copy
import json
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

from django import forms
from django.forms import BoundField
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from annotation.actions.judgements import asked_of
from annotation.exceptions import InvalidRow
from annotation.formats import marks
from annotation.formats.answers import OFF, REQUIRED, Asked
from annotation.formats.row_judgements import MAX_SECONDS
from annotation.formats.rubric import Criterion
from annotation.forms import desk_fields, restoring
from annotation.forms.complaints import complaints
from annotation.forms.desk_fields import rating_name
from annotation.forms.letters import LETTERS, in_words, order_of, order_tokens
from annotation.forms.rendering import PlainInputs
from annotation.models import Annotator, Judgement, Slot

FOREIGN = gettext_lazy("This form does not belong to this task. Load the page again.")
PAIR = 2
IDENTITY = ("submission_key", "shown", "revises")


class RatingRow(NamedTuple):
    """One criterion with a field for each answer, in the order shown."""

    criterion: Criterion
    cells: list[BoundField]


class JudgementForm(forms.Form):
    """One rank for each answer shown (for a pair whose strength is asked, one choice of seven instead), and a field
    for all else that the project asks for. `texts` are the task's responses by position."""

    default_renderer = PlainInputs()

    submission_key = forms.UUIDField(
        widget=forms.HiddenInput, error_messages={"required": FOREIGN, "invalid": FOREIGN}
    )
    shown = forms.CharField(widget=forms.HiddenInput, max_length=200, required=False)
    seconds = forms.FloatField(widget=forms.HiddenInput, required=False, min_value=0)
    revises = forms.IntegerField(
        widget=forms.HiddenInput, required=False, min_value=0, error_messages={"invalid": FOREIGN}
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, slot: Slot, texts: Sequence[str], by: Annotator
    ) -> None:
        super().__init__(data)
        self.slot, self.texts, self.by = slot, texts, by
        self.project = slot.task.project
        self.asked = asked_of(self.project, by=by)
        self.size = len(texts)
        self.letters = LETTERS[: self.size]
        self.said: dict[str, Any] = {}
        self._use_key(slot.submission_key)
        self.fields |= _asked_fields(self.asked, size=self.size, language=get_language())

    @classmethod
    def from_judgement(cls, judgement: Judgement, *, slot: Slot, texts: Sequence[str], by: Annotator) -> Self:
        """The form as it was submitted, to be revised: with a key of its own, so that sending it twice is one
        revision."""
        form = cls(slot=slot, texts=texts, by=by)
        form._use_key(uuid.uuid4())
        form.fields["revises"].initial = judgement.revision
        form.restore(vars(judgement))
        return form

    def _use_key(self, key: uuid.UUID) -> None:
        self.fields["submission_key"].initial = key
        self.fields["shown"].initial = order_tokens(
            self.slot.order, slot=self.slot, by=self.by, submission_key=str(key)
        )

    def lock(self) -> None:
        """It is shown to be read."""
        self.fields = copy.deepcopy(self.fields)
        for field in self.fields.values():
            field.disabled = True

    @property
    def asks_ranking(self) -> bool:
        return self.size > 1

    @property
    def asks_preference(self) -> bool:
        return self.asked.strength and self.size == PAIR

    @property
    def revision(self) -> int | None:
        """Which revision this form revises; None: it is the first submission."""
        number: int | None = self.cleaned_data.get("revises") if self.is_bound else self.fields["revises"].initial
        return number

    def _field(self, name: str) -> BoundField | None:
        return self[name] if name in self.fields else None

    @property
    def preference(self) -> BoundField | None:
        return self._field("preference")

    @property
    def line(self) -> BoundField | None:
        return self._field("line")

    @property
    def flag_prompt(self) -> BoundField | None:
        return self._field("flag_prompt")

    @property
    def flag_rows(self) -> list[BoundField]:
        return [self[f"flag_{letter}"] for letter in self.letters if self.asked.flags]

    @property
    def rank_rows(self) -> list[BoundField]:
        return [self[f"rank_{letter}"] for letter in self.letters if f"rank_{letter}" in self.fields]

    @property
    def rating_rows(self) -> list[RatingRow]:
        return [
            RatingRow(criterion, [self[rating_name(criterion, letter)] for letter in self.letters])
            for criterion in (self.asked.rubric if self.letters else ())
        ]

    @property
    def reason(self) -> BoundField | None:
        return self._field("reason")

    @property
    def spans(self) -> BoundField | None:
        return self._field("spans")

    @property
    def edit_of(self) -> BoundField | None:
        return self._field("edit_of")

    @property
    def edited(self) -> BoundField | None:
        return self._field("edited")

    @property
    def written(self) -> BoundField | None:
        return self._field("written")

    def clean_seconds(self) -> float | None:
        """A tab left open for months is no reason to refuse what a person decided."""
        seconds: float | None = self.cleaned_data["seconds"]
        return None if seconds is None else min(seconds, MAX_SECONDS)

    def clean_shown(self) -> list[int]:
        """Back from tokens to positions."""
        key = str(self.cleaned_data.get("submission_key", ""))
        tokens = self.cleaned_data["shown"]
        order = order_of(tokens, size=self.size, slot=self.slot, by=self.by, submission_key=key)
        if order is None:
            raise forms.ValidationError(FOREIGN)
        return order

    def clean_spans(self) -> list[marks.Span]:
        if "shown" not in self.cleaned_data:
            return []  # told already
        try:
            return self._read_spans(self.cleaned_data["spans"] or "[]")
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("The highlights cannot be read. Load the page again.")) from None
        except InvalidRow as error:
            raise forms.ValidationError(_("A highlight cannot be kept: %(why)s.") % {"why": error}) from None

    def clean(self) -> dict[str, Any]:
        self.said = {"spans": [], **self.cleaned_data}
        if "shown" in self.said:
            found = complaints(self.said, asked=self.asked, letters=self.letters, groups=self.groups())
            for name, sentence in found:
                if name not in self.errors:
                    self.add_error(name, sentence)
        return self.cleaned_data

    def _read_spans(self, text: str) -> list[marks.Span]:
        position_of = self._position_of()
        spans = json.loads(text)
        if not isinstance(spans, list) or not all(isinstance(span, dict) for span in spans):
            raise ValueError
        placed = []
        for span in spans:
            letter = span.pop("answer", None)
            if not isinstance(letter, str) or letter not in position_of:
                raise ValueError
            placed.append({**span, "response": position_of[letter]})
        return marks.spans_of(placed, texts=self.texts)

    def _position_of(self) -> dict[str, int]:
        return dict(zip(self.letters, self.cleaned_data.get("shown") or [], strict=False))

    def groups(self) -> list[str]:
        """Letters that share a place, best first; those without a place left out."""
        if self.asks_preference:
            return preference_groups(self.said.get("preference"))
        if not self.asks_ranking:
            return list(self.letters)
        ranks = {letter: self.said.get(f"rank_{letter}") for letter in self.letters}
        places = sorted({rank for rank in ranks.values() if rank is not None})
        return ["".join(letter for letter in self.letters if ranks[letter] == place) for place in places]

    def judgement(self) -> dict[str, Any]:
        """What `judgements.submit` takes (and `revise`, with `revision`), in positions."""
        position_of = self._position_of()
        edited = {
            position: text
            for position, text in self._edited().items()
            if text != desk_fields.unified(self.texts[int(position)])
        }
        return {
            "submission_key": self.cleaned_data["submission_key"],
            "ranking": [[position_of[letter] for letter in group] for group in self.groups()],
            "strength": strength_of(self.said.get("preference")),
            "acceptable": self._acceptable(),
            "ratings": {name: values for name, values in self._ratings().items() if None not in values},
            "flags": self._flags(),
            "reason": self.said.get("reason", "").strip(),
            "edited": edited,
            "spans": self.said["spans"],
            "written": self.said.get("written", ""),
            "seconds": self.said.get("seconds"),
        }

    def _acceptable(self) -> list[int] | None:
        """The answers on the first `line` places; a place is a rung of the ladder, also one that is empty."""
        line, position_of = self.said.get("line"), self._position_of()
        if line is None:
            return None
        place_of = {letter: place for place, group in enumerate(self.groups(), 1) for letter in group}
        if self.asks_ranking and not self.asks_preference:
            place_of = {letter: self.said[f"rank_{letter}"] for letter in self.letters}
        return [position_of[letter] for letter, place in place_of.items() if place <= line]

    def _ratings(self) -> dict[str, list[int | None]]:
        """By criterion and position; None where there is none yet. Criteria without any are left out."""
        letter_of = {position: letter for letter, position in self._position_of().items()}
        found = {
            criterion.name: [self.said.get(rating_name(criterion, letter_of[p])) for p in sorted(letter_of)]
            for criterion in self.asked.rubric
        }
        return {name: values for name, values in found.items() if any(value is not None for value in values)}

    def _flags(self) -> list[marks.Flag]:
        of_responses = [
            {"flag": name, "response": position}
            for letter, position in self._position_of().items()
            for name in dict.fromkeys(self.said.get(f"flag_{letter}") or [])
        ]
        of_prompt = [{"flag": name} for name in dict.fromkeys(self.said.get("flag_prompt") or [])]
        return of_responses + of_prompt

    def _edited(self) -> dict[str, str]:
        letter, position_of = self.said.get("edit_of"), self._position_of()
        return {str(position_of[letter]): self._text("edited")} if letter in position_of else {}

    def _text(self, name: str) -> str:
        """Also a text that was refused, as it was sent."""
        sent = self.data.get(name, "") if name in self.fields else ""
        return str(self.said.get(name, desk_fields.unified(sent)))

    @property
    def is_readable(self) -> bool:
        """Whether its letters can be told apart at all; if not, nothing of it can be kept."""
        return self.errors.keys().isdisjoint(IDENTITY)

    @property
    def in_sentence(self) -> str:
        """ "C, then A and D, then B": the ranking, to be shown where it could not be taken."""
        return _(", then ").join(in_words(list(group)) for group in self.groups()) if self.asks_ranking else ""

    @property
    def sentences(self) -> str:
        """Every complaint of this form, as one text."""
        return " ".join(dict.fromkeys(str(message) for messages in self.errors.values() for message in messages))

    def draft(self) -> dict[str, Any]:
        """What has been chosen so far, in positions, so that it fits any order shown later. Of a form that
        `is_readable`."""
        position_of = self._position_of()
        content = {
            "ranking": [[position_of[letter] for letter in group] for group in self.groups()],
            "places": {str(position_of[letter]): self.said.get(f"rank_{letter}") for letter in position_of},
            "strength": strength_of(self.said.get("preference")),
            "line": self.said.get("line"),
            "ratings": self._ratings(),
            "flags": self._flags(),
            "spans": self.said.get("spans"),
            "edited": self._edited(),
            "reason": self._text("reason"),
            "written": self._text("written"),
        }
        return {name: value for name, value in content.items() if value not in (None, "", [], {})}

    def restore(self, content: Mapping[str, Any]) -> None:
        """Start from a draft; what does not fit is left out."""
        letter_of = dict(zip(self.slot.order, self.letters, strict=True))
        initial = restoring.initial_of(content, letter_of=letter_of, texts=self.texts, rubric=self.asked.rubric)
        self.initial.update({name: value for name, value in initial.items() if name in self.fields})


@lru_cache(maxsize=256)
def _asked_fields(asked: Asked, *, size: int, language: str | None) -> dict[str, forms.Field]:
    """Shared by all forms that ask the same in one language: no form changes them."""
    letters = LETTERS[:size]
    fields: dict[str, forms.Field] = {}
    asks_preference = asked.strength and size == PAIR
    if asks_preference:
        fields["preference"] = desk_fields.preference(ties_allowed=asked.ties)
    elif size > 1:
        fields |= {f"rank_{letter}": desk_fields.rank(letter, size=size) for letter in letters}
    if asked.acceptability and size:
        fields["line"] = desk_fields.line(size, pair=asks_preference)
    for criterion in asked.rubric:
        fields |= {rating_name(criterion, letter): desk_fields.rating(criterion, letter) for letter in letters}
    if asked.flags:
        fields |= {f"flag_{letter}": desk_fields.response_flags(letter) for letter in letters}
        fields["flag_prompt"] = desk_fields.prompt_flags()
    if asked.highlights and size:
        fields["spans"] = desk_fields.spans()
    if asked.edit and size:
        fields |= {"edit_of": desk_fields.edit_of(letters), "edited": desk_fields.edited()}
    if not size:
        fields["written"] = desk_fields.written()
    if asked.reason != OFF:
        fields["reason"] = desk_fields.reason(required=asked.reason == REQUIRED)
    return fields


def strength_of(preference: int | None) -> int | None:
    """1 to 3 for the better one; None for equal answers or no choice."""
    return abs(desk_fields.EQUAL - preference) or None if preference else None


def preference_groups(preference: int | None) -> list[str]:
    if preference is None:
        return []
    return ["AB"] if preference == desk_fields.EQUAL else ["A", "B"] if preference < desk_fields.EQUAL else ["B", "A"]

"""The plain forms under the desk. Answers go by letter in the order shown; only here letters become positions."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.crypto import salted_hmac

from annotation.formats.rows import MAX_SECONDS
from annotation.models import Annotator, Slot
from annotation.models.projects import MAX_RESPONSES

LETTERS = "ABCDEFGHI"[:MAX_RESPONSES]
EQUAL = 4
PREFERENCES = [
    (1, "A is much better"),
    (2, "A is clearly better"),
    (3, "A is slightly better"),
    (4, "Both are equally good"),
    (5, "B is slightly better"),
    (6, "B is clearly better"),
    (7, "B is much better"),
]
REASONS = [
    ("knowledge", "I cannot judge this: I lack the knowledge"),
    ("prompt", "The prompt makes no sense or cannot be read"),
    ("answers", "The answers cannot be compared"),
    ("harm", "I do not want to read this"),
    ("other", "Something else"),
]


def in_words(items: Sequence[str]) -> str:
    """["A", "B", "C"] -> "A, B and C"."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def order_tokens(order: Sequence[int], *, slot: Slot, by: Annotator, submission_key: str) -> str:
    """The order shown, opaque: it goes through the page and stays readable here even when the slot has since been
    given to someone else in another order."""
    return ",".join(token_of(position, slot=slot, by=by, submission_key=submission_key) for position in order)


def token_of(position: int, *, slot: Slot, by: Annotator, submission_key: str) -> str:
    value = f"{slot.pk}:{by.pk}:{submission_key}:{position}"
    return salted_hmac("annotation.desk.order", value).hexdigest()[:16]


class JudgementForm(forms.Form):
    """One rank for each answer shown; for a pair whose strength is asked, one choice of seven instead."""

    submission_key = forms.UUIDField(widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput, max_length=200)
    seconds = forms.FloatField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, data: Mapping[str, Any] | None = None, *, slot: Slot, size: int, by: Annotator) -> None:
        super().__init__(data)
        self.slot, self.size, self.by = slot, size, by
        self.project = slot.task.project
        self.letters = LETTERS[:size]
        self.fields["submission_key"].initial = slot.submission_key
        self.fields["shown"].initial = order_tokens(
            slot.order, slot=slot, by=by, submission_key=str(slot.submission_key)
        )
        if self.asks_preference:
            self.fields["preference"] = self._preference_field()
        else:
            self.fields |= {f"rank_{letter}": self._rank_field(letter) for letter in self.letters}
        if self.project.acceptability_asked:
            self.fields["acceptable"] = forms.MultipleChoiceField(
                choices=[(letter, letter) for letter in self.letters],
                widget=forms.CheckboxSelectMultiple,
                required=False,
                label="Good enough to send",
            )

    @property
    def asks_preference(self) -> bool:
        return self.project.strength_asked and self.size == 2

    def _preference_field(self) -> forms.Field:
        choices = [choice for choice in PREFERENCES if self.project.ties_allowed or choice[0] != EQUAL]
        messages = {"required": "Say which answer is better."}
        return forms.TypedChoiceField(
            choices=choices, coerce=int, widget=forms.RadioSelect, label="Which is better?", error_messages=messages
        )

    def _rank_field(self, letter: str) -> forms.Field:
        choices = [(n, str(n)) for n in range(1, self.size + 1)]
        return forms.TypedChoiceField(
            choices=choices, coerce=int, empty_value=None, widget=forms.RadioSelect, required=False,
            label=f"Rank of {letter}",
        )  # fmt: skip

    def clean_seconds(self) -> float | None:
        """A tab left open for months is no reason to refuse what a person decided."""
        seconds: float | None = self.cleaned_data["seconds"]
        return None if seconds is None else min(seconds, MAX_SECONDS)

    def clean_shown(self) -> list[int]:
        """Back from tokens to positions."""
        key = str(self.cleaned_data.get("submission_key", ""))
        position_of = {
            token_of(position, slot=self.slot, by=self.by, submission_key=key): position
            for position in range(self.size)
        }
        order = [position_of.get(token) for token in self.cleaned_data["shown"].split(",")]
        if sorted(p for p in order if p is not None) != list(range(self.size)):
            raise forms.ValidationError("This form does not belong to this task. Load the page again.")
        return [position for position in order if position is not None]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if self.asks_preference or self.errors:
            return cleaned
        missing = [letter for letter in self.letters if cleaned.get(f"rank_{letter}") is None]
        if missing:
            raise forms.ValidationError(
                f"{in_words(missing)} still {'need' if len(missing) > 1 else 'needs'} a place."
            )
        tied = [letters for letters in self.groups() if len(letters) > 1]
        if tied and not self.project.ties_allowed:
            raise forms.ValidationError(f"{in_words(tied[0])} share a place; this project wants no ties.")
        return cleaned

    def groups(self) -> list[str]:
        """Letters that share a place, best first; those without a place left out."""
        if self.asks_preference:
            return preference_groups(self.cleaned_data.get("preference"))
        ranks = {letter: self.cleaned_data.get(f"rank_{letter}") for letter in self.letters}
        places = sorted({rank for rank in ranks.values() if rank is not None})
        return ["".join(letter for letter in self.letters if ranks[letter] == place) for place in places]

    def judgement(self) -> dict[str, Any]:
        """What `judgements.submit` takes, in positions."""
        cleaned = self.cleaned_data
        position_of = dict(zip(self.letters, cleaned["shown"], strict=True))
        acceptable = cleaned.get("acceptable")
        return {
            "submission_key": cleaned["submission_key"],
            "ranking": [[position_of[letter] for letter in group] for group in self.groups()],
            "strength": strength_of(cleaned.get("preference")),
            "acceptable": None if acceptable is None else [position_of[letter] for letter in acceptable],
            "seconds": cleaned.get("seconds"),
        }

    @property
    def in_sentence(self) -> str:
        """ "C, then A and D, then B": the ranking, to be shown where it could not be taken."""
        return ", then ".join(in_words(list(group)) for group in self.groups())

    @property
    def sentences(self) -> str:
        """Every complaint of this form, as one text."""
        return " ".join(str(message) for messages in self.errors.values() for message in messages)

    def draft(self) -> dict[str, Any]:
        """What has been chosen so far, in positions, so that it fits any order shown later. Call after `is_valid`."""
        cleaned = self.cleaned_data
        position_of = dict(zip(self.letters, cleaned.get("shown") or [], strict=False))
        content = {
            "ranking": [[position_of[letter] for letter in group] for group in self.groups()] if position_of else [],
            "places": {str(position_of[letter]): cleaned.get(f"rank_{letter}") for letter in position_of},
            "strength": strength_of(cleaned.get("preference")),
            "acceptable": [
                position_of[letter] for letter in cleaned.get("acceptable") or [] if letter in position_of
            ],
        }
        return {name: value for name, value in content.items() if value}

    def restore(self, content: Mapping[str, Any]) -> None:
        """Start from a draft: from its places if it has any, else from its ranking. What does not fit is left out."""
        letter_of = dict(zip(self.slot.order, self.letters, strict=True))
        groups = [known(group, letter_of) for group in listed(content.get("ranking"))]
        ranking = [group for group in groups if group]
        places: dict[str, Any] = {str(p): place for place, group in enumerate(ranking, 1) for p in group}
        chosen = content.get("places")
        places |= chosen if isinstance(chosen, dict) else {}
        for position, letter in letter_of.items():
            if places.get(str(position)) in range(1, self.size + 1):
                self.initial[f"rank_{letter}"] = places[str(position)]
        self.initial["acceptable"] = [letter_of[p] for p in known(content.get("acceptable"), letter_of)]
        if self.asks_preference and sorted(p for group in ranking for p in group) == [0, 1]:
            strength = next((n for n in (1, 2, 3) if n == content.get("strength")), 1)
            better = -1 if letter_of[ranking[0][0]] == "A" else 1
            self.initial["preference"] = EQUAL if len(ranking) == 1 else EQUAL + better * strength


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def known(positions: Any, letter_of: Mapping[int, str]) -> list[int]:
    return [p for p in listed(positions) if type(p) is int and p in letter_of]


def strength_of(preference: int | None) -> int | None:
    """1 to 3 for the better one; None for equal answers or no choice."""
    return abs(EQUAL - preference) or None if preference else None


def preference_groups(preference: int | None) -> list[str]:
    if preference is None:
        return []
    return ["AB"] if preference == EQUAL else ["A", "B"] if preference < EQUAL else ["B", "A"]


class SkipForm(forms.Form):
    reason = forms.ChoiceField(
        choices=REASONS, widget=forms.RadioSelect, error_messages={"required": "Say why you skip this task."}
    )
    note = forms.CharField(required=False, max_length=1000, label="In your words (not needed)")

    @property
    def in_words(self) -> str:
        reason, note = self.cleaned_data["reason"], self.cleaned_data["note"].strip()
        return f"{reason}: {note}" if note else str(reason)

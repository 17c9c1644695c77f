"""A reviewer's decision as a plain form: a rank for each answer, by letter in the task's own order."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from annotation.actions.reviews import MAX_REASON
from annotation.formats.row_judgements import Ranking
from annotation.forms.letters import LETTERS, in_words


class AdjudicationForm(forms.Form):
    """Answers with the same rank are tied. With fewer than two answers there is nothing to rank: only a reason."""

    reason = forms.CharField(
        label=_("Why"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("A decision needs its reason: say what settled it.")},
    )

    known = forms.BooleanField(required=False, label=_("Use it as a known answer from now on"))

    def __init__(self, data: Mapping[str, Any] | None = None, *, size: int, can_be_known: bool) -> None:
        super().__init__(data)
        if size < 2 or not can_be_known:
            del self.fields["known"]
        self.letters = LETTERS[:size]
        if size > 1:
            self.fields |= {f"rank_{letter}": _rank_field(letter, size=size) for letter in self.letters}
            self.order_fields([*(f"rank_{letter}" for letter in self.letters), "reason", "known"])

    @property
    def ranks(self) -> list[forms.BoundField]:
        return [self[f"rank_{letter}"] for letter in self.letters if f"rank_{letter}" in self.fields]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        missing = [field.label for field in self.ranks if cleaned.get(field.name) is None and not field.errors]
        if missing:
            self.add_error(
                None,
                ngettext("%(letters)s still needs a place.", "%(letters)s still need a place.", len(missing))
                % {"letters": in_words([str(label) for label in missing])},
            )
        return cleaned

    def ranking(self) -> Ranking:
        """Tie groups of positions, best first. Call on a valid form."""
        if not self.ranks:
            return [[position] for position in range(len(self.letters))]
        places = {position: self.cleaned_data[field.name] for position, field in enumerate(self.ranks)}
        return [[p for p, place in places.items() if place == rank] for rank in sorted(set(places.values()))]

    def said(self) -> dict[str, Any]:
        return {"reason": self.cleaned_data["reason"], "known": self.cleaned_data.get("known", False)}


def _rank_field(letter: str, *, size: int) -> forms.Field:
    return forms.TypedChoiceField(
        label=letter,
        choices=[(n, str(n)) for n in range(1, size + 1)],
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": gettext("%(letter)s has a rank that there is not.") % {"letter": letter}},
    )

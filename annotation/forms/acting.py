"""Pausing people, and taking judgements out of the count."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.actions import exclusions, pauses

UID = re.compile("[0-9a-f]{1,64}")
MOST_UIDS = 500


class PauseForm(forms.Form):
    use_required_attribute = False

    reason = forms.CharField(
        label=_("Why"),
        max_length=pauses.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        help_text=_("They read it at the desk, in these words."),
        error_messages={"required": _("Say why: they read it.")},
    )


class ExclusionForm(forms.Form):
    use_required_attribute = False

    reason = forms.CharField(
        label=_("Why"),
        max_length=exclusions.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
        help_text=_("Kept with each judgement, and shown to reviewers."),
        error_messages={"required": _("Say why: the reason is kept.")},
    )


class ChosenForm(forms.Form):
    """Which judgements: some by their uids, or those of one person, from a day to a day."""

    use_required_attribute = False

    annotator = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Any, *, uids: Sequence[str]) -> None:
        super().__init__(data)
        self.uids = list(dict.fromkeys(uids))

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.uids and not said.get("annotator"):
            raise forms.ValidationError(_("Choose judgements, or a person, first."))
        if len(self.uids) > MOST_UIDS:
            raise forms.ValidationError(
                _("These are %(n)d judgements; at most %(most)d at once."),
                params={"n": len(self.uids), "most": MOST_UIDS},
            )
        if not all(map(UID.fullmatch, self.uids)):
            raise forms.ValidationError(_("These are no judgements of this project."))
        if said.get("since") and said.get("until") and said["since"] > said["until"]:
            self.add_error("until", _("This day is before the first one."))
        return said

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.forms.rendering import PlainInputs

REASONS = [
    ("knowledge", _("I cannot judge this: I lack the knowledge")),
    ("prompt", _("The prompt makes no sense or cannot be read")),
    ("answers", _("The answers cannot be compared")),
    ("harm", _("I do not want to read this")),
    ("other", _("Something else")),
]


class SkipForm(forms.Form):
    default_renderer = PlainInputs()

    reason = forms.ChoiceField(
        choices=REASONS, widget=forms.RadioSelect, error_messages={"required": _("Say why you skip this task.")}
    )
    note = forms.CharField(required=False, max_length=1000, label=_("In your words (not needed)"))

    @property
    def in_words(self) -> str:
        reason, note = self.cleaned_data["reason"], self.cleaned_data["note"].strip()
        return f"{reason}: {note}" if note else str(reason)

"""What a release is to say of the votes, and what each of them is to count."""

from django import forms
from django.utils.translation import gettext_lazy as _

# Beside each the word by which `export_release` and its refusals call it. They are written out, for what they are
# defined beside computes, and no page has use for that.
VOTES, EQUAL = "votes", "none"
LABELS = [
    (VOTES, _("what each person said (votes)")),
    ("consensus", _("also what the votes on each row come to together, and how surely (consensus)")),
]
WEIGHTS = [
    (EQUAL, _("everybody's the same (none)")),
    ("dawid-skene", _("by how reliable each person is (dawid-skene)")),
    ("mace", _("by how reliable each person is, guessing told from knowing (mace)")),
]


class ReleaseForm(forms.Form):
    use_required_attribute = False

    labels = forms.ChoiceField(label=_("Labels"), choices=LABELS, initial=VOTES)
    weights = forms.ChoiceField(
        label=_("Weights"),
        choices=WEIGHTS,
        initial=EQUAL,
        help_text=_("What one judgement counts in training."),
    )

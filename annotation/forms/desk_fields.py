"""Fields of the desk's form, each plain HTML that works without script."""

from hashlib import sha256
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from annotation.formats.answers import MAX_BYTES, MAX_REASON
from annotation.formats.marks import PROMPT_FLAGS, RESPONSE_FLAGS
from annotation.formats.rubric import Criterion
from annotation.forms.flags import NAMES

EQUAL = 4
MOST_RADIOS = 10  # a longer scale is a number field

Choices = list[tuple[int, str]] | list[tuple[str, str]]


class Text(forms.CharField):
    """A browser sends every line end as two characters; what is kept, counted and compared has one."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return unified(super().to_python(value) or "")


def unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def preference(*, ties_allowed: bool) -> forms.Field:
    choices = [
        (1, _("A is much better")),
        (2, _("A is clearly better")),
        (3, _("A is slightly better")),
        (EQUAL, _("Both are equally good")),
        (5, _("B is slightly better")),
        (6, _("B is clearly better")),
        (7, _("B is much better")),
    ]
    allowed = [choice for choice in choices if ties_allowed or choice[0] != EQUAL]
    return radios(allowed, label=_("Which is better?"))


def rank(letter: str, *, size: int) -> forms.Field:
    return radios(numbers(1, size), label=_("Rank of %(letter)s") % {"letter": letter})


def line(size: int, *, pair: bool) -> forms.Field:
    """How many places, from the best down, are good enough."""
    label = _("Good enough to send")
    if size == 1:
        return radios([(1, _("Yes")), (0, _("No"))], label=label)
    between = [(n, _("Places 1 to %(n)s") % {"n": n}) for n in range(2, size)]
    first = _("Only the better one") if pair else _("Place 1 only")
    return radios([(0, _("None of them")), (1, first), *between, (size, _("All of them"))], label=label)


def rating_name(criterion: Criterion, letter: str) -> str:
    """By what the criterion is, not by where it stands: a page may be older than the project's list of criteria."""
    code = sha256(f"{criterion.scale} {criterion.name}".encode()).hexdigest()[:12]
    return f"rating_{code}_{letter}"


def rating(criterion: Criterion, letter: str) -> forms.Field:
    label = _("%(criterion)s of %(letter)s") % {"criterion": criterion.name, "letter": letter}
    if criterion.scale > MOST_RADIOS:
        return forms.IntegerField(required=False, label=label, min_value=1, max_value=criterion.scale)
    return radios(numbers(1, criterion.scale), label=label)


def response_flags(letter: str) -> forms.Field:
    choices = [(name, str(NAMES[name])) for name in RESPONSE_FLAGS]
    return checkboxes(choices, label=_("Flags of %(letter)s") % {"letter": letter})


def prompt_flags() -> forms.Field:
    choices = [(name, str(NAMES[name])) for name in PROMPT_FLAGS]
    return checkboxes(choices, label=_("Flags of the prompt"))


def spans() -> forms.Field:
    return forms.CharField(widget=forms.HiddenInput, required=False)


def reason(*, required: bool) -> forms.Field:
    label = _("Why?") if required else _("Why? (not needed)")
    return Text(label=label, max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 3}))


def edit_of(letters: str) -> forms.Field:
    choices = [("", "—"), *((letter, letter) for letter in letters)]
    return forms.ChoiceField(choices=choices, required=False, label=_("Edit an answer into an ideal one"))


def edited() -> forms.Field:
    return Text(label=_("The edited answer"), max_length=MAX_BYTES, widget=forms.Textarea(attrs={"rows": 12}))


def written() -> forms.Field:
    return Text(label=_("Your answer"), max_length=MAX_BYTES, widget=forms.Textarea(attrs={"rows": 16}))


def numbers(first: int, last: int) -> list[tuple[int, str]]:
    return [(n, str(n)) for n in range(first, last + 1)]


def radios(choices: Choices, *, label: str) -> forms.Field:
    return forms.TypedChoiceField(
        choices=choices, coerce=int, empty_value=None, widget=forms.RadioSelect, required=False, label=label
    )


def checkboxes(choices: Choices, *, label: str) -> forms.Field:
    return forms.MultipleChoiceField(
        choices=choices, widget=forms.CheckboxSelectMultiple, required=False, label=label
    )

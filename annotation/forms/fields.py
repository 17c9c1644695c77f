"""Fields that more than one form has."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MAX_NAMES = 20
LONGEST_NAME = 50
PARTED = re.compile(r"[,\n]")


class Names(forms.CharField):
    """Names parted by commas, as a list without repetitions."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": MAX_NAMES * (LONGEST_NAME + 2), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        names = [" ".join(part.split()) for part in PARTED.split(super().to_python(value) or "")]
        return list(dict.fromkeys(name for name in names if name))

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > MAX_NAMES:
            raise forms.ValidationError(
                _("These are %(n)d names; at most %(most)d."), params={"n": len(value), "most": MAX_NAMES}
            )
        if long := [name for name in value if len(name) > LONGEST_NAME]:
            raise forms.ValidationError(
                _("“%(name)s…” is longer than %(most)d characters."),
                params={"name": long[0][:20], "most": LONGEST_NAME},
            )

    def run_validators(self, value: Any) -> None:
        """The length of the whole was bounded by `max_length` as text; what comes here is a list."""
        super().run_validators(", ".join(value))

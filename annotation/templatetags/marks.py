"""What the desk's parts beside the ranking need in their templates."""

import json
from typing import Any, NamedTuple

from django import template
from django.forms import BoundField

from annotation.formats.rubric import Criterion

register = template.Library()


class Rating(NamedTuple):
    """One criterion for one answer."""

    criterion: Criterion
    field: BoundField


@register.filter
def as_json(text: str) -> str:
    """For an attribute: a browser would change line ends of the text itself."""
    return json.dumps(text, ensure_ascii=False)


@register.simple_tag
def ratings_of(form: Any, letter: str) -> list[Rating]:
    """The ratings on the card of one answer, from the desk's form."""
    index = form.letters.index(letter)
    return [Rating(row.criterion, row.cells[index]) for row in form.rating_rows]

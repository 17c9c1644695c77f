"""Links from a figure to the judgements behind it, and the words for what was found."""

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

register = template.Library()

VOICES = {"people": _("People"), "simulated": _("Simulated annotators"), "ai": _("Models as annotators")}
SUGGESTIONS = {
    "fine": _("nothing to do"),
    "watch": _("keep an eye on"),
    "talk": _("talk with them"),
    "retrain": _("go through the guidelines again"),
    "pause": _("pause"),
    "more_data": _("too little to say"),
}
TONES = {"fine": "good", "watch": "accent", "talk": "simulated", "retrain": "simulated", "pause": "bad"}


@register.simple_tag(takes_context=True)
def behind(context: template.Context, **filters: Any) -> str:
    """The address of the judgements that a figure was taken of; empty filters are as if they were not given."""
    return _address(context, "annotation:quality_judgements", filters)


@register.simple_tag(takes_context=True)
def quality_url(context: template.Context, route: str, *args: Any, **query: Any) -> str:
    """A page about the same project and the same voices."""
    return _address(context, f"annotation:{route}", query, *args)


@register.filter
def voices_name(voices: str) -> str:
    return str(VOICES.get(voices, voices))


@register.filter
def suggestion_name(code: str) -> str:
    return str(SUGGESTIONS.get(code, code))


@register.filter
def suggestion_tone(code: str) -> str:
    return TONES.get(code, "")


def _address(context: template.Context, route: str, query: dict[str, Any], *args: Any) -> str:
    asked = {name: value for name, value in query.items() if value not in ("", None)}
    voices = context.get("voices", "people")
    if voices != "people":
        asked["voices"] = voices
    address = reverse(route, args=[context["project"].slug, *args])
    return f"{address}?{urlencode(asked)}" if asked else address

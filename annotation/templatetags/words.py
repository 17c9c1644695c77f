"""The texts that scripts show: `words("key", { name })` in static/js/words.js fills the %(name)s."""

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

register = template.Library()

WORDS: dict[str, StrPromise] = {
    # reading.js
    "text_size": _("Text size %(step)s of %(steps)s"),
}


@register.simple_tag
def words() -> SafeString:
    """All of them, once per page, in the language of the page."""
    return json_script(WORDS, "words")

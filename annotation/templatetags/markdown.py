from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from annotation.formats import markdown

register = template.Library()

ROLES = {"user": _("user"), "assistant": _("assistant"), "system": _("system"), "tool": _("tool")}


@register.filter
def rendered(text: str) -> SafeString:
    """Hostile Markdown as safe HTML, by the one sanitiser."""
    return mark_safe(markdown.render(text))  # noqa: S308  # what comes out of the sanitiser is safe by its tests


@register.simple_tag(takes_context=True)
def rich(context: template.Context, text: str) -> SafeString:
    """As `rendered`, out of the one budget of the template: when it is spent, the rest is shown plain."""
    kept: Any = context.render_context
    page: markdown.Page = kept.setdefault("markdown page", markdown.Page())
    return mark_safe(page.render(text))  # noqa: S308  # as above


@register.filter
def is_plain(text: str) -> bool:
    """Whether the text is too long to be rendered and is shown as it is."""
    return markdown.is_plain(text)


@register.filter
def role_name(role: str) -> str:
    """Who speaks in a conversation, in the reader's language."""
    return str(ROLES.get(role, role))

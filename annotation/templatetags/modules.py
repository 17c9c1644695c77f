"""Which scripts a page needs: a browser that knows them all at once need not find them one import after the other."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

# What desk.js imports, and what that imports; a test compares.
OURS = """
acts alignment announce cards choosing desk difference drafts drawer edit flags guidelines help highlights history
keys ladder layout line next notice parts quoting ranking ratings reason send shown submission words written
"""
DESK = (*(f"js/{name}.js" for name in OURS.split()), "vendor/sortable.core.esm.js")


@register.simple_tag
def desk_modules() -> SafeString:
    links = ((static(name),) for name in DESK)
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', links)

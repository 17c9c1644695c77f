"""How the desk's forms are written."""

from html import escape
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe

INPUTS = (
    "django/forms/widgets/checkbox_option.html",
    "django/forms/widgets/hidden.html",
    "django/forms/widgets/number.html",
    "django/forms/widgets/radio_option.html",
    "django/forms/widgets/text.html",
)


class PlainInputs(DjangoTemplates):
    """An `<input>` as Django's templates have it, without these: it takes three for each, and a task has dozens."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        widget: dict[str, Any] = context.get("widget", {})
        if template_name not in INPUTS or widget.get("wrap_label"):
            return super().render(template_name, context, request)
        attributes = {name: widget[name] for name in ("type", "name", "value") if widget[name] is not None}
        given = ((name, value) for name, value in {**attributes, **widget["attrs"]}.items() if value is not False)
        written = (f" {name}" if value is True else f' {name}="{escape(str(value))}"' for name, value in given)
        return mark_safe(f"<input{''.join(written)}>")  # noqa: S308  # names are ours, values escaped

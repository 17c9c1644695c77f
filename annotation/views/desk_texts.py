"""What there is to read on a task, as HTML: the conversation and the answers, out of one budget."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.contrib.humanize.templatetags.humanize import intcomma
from django.forms import BoundField
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from annotation.formats import markdown
from annotation.forms.judgements import JudgementForm
from annotation.models import Slot
from annotation.templatetags.markdown import role_name

MESSAGE = '<div class="message message--{}"><h2 class="message__role">{}</h2>{}</div>'


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One card. `raw` is the text as JSON, escaped for an attribute: a browser would change line ends of the text
    itself. Who wrote it stays in the database."""

    letter: str
    text: SafeString
    raw: SafeString
    rank: BoundField | None = None


class Texts:
    """Of one task; `texts` are the responses' by position."""

    def __init__(self, slot: Slot, texts: Sequence[str]) -> None:
        self.slot, self.texts = slot, texts
        self.page = markdown.Page()

    @cached_property
    def conversation(self) -> SafeString:
        messages = self.slot.task.prompt.messages
        spoken = ((one["role"], role_name(one["role"]), self._rich(one["content"])) for one in messages)
        return format_html_join("", MESSAGE, spoken)

    def answers(self, form: JudgementForm) -> list[Answer]:
        """In the order shown."""
        ranks = {bound.name: bound for bound in form.rank_rows}
        return [
            Answer(letter=letter, text=self.text(at), raw=self.raw(at), rank=ranks.get(f"rank_{letter}"))
            for letter, at in zip(form.letters, self.slot.order, strict=True)
        ]

    def text(self, position: int) -> SafeString:
        text = self.texts[position]
        if not text:
            return format_html('<p class="quiet">{}</p>', _("(an empty answer)"))
        if not markdown.is_plain(text):
            return self._rich(text)
        note = _("A very long answer (%(n)s characters), shown as it was written.") % {"n": intcomma(len(text))}
        return format_html('<p class="quiet small">{}</p>{}', note, self._rich(text))

    def raw(self, position: int) -> SafeString:
        return escape(json.dumps(self.texts[position], ensure_ascii=False))

    def _rich(self, text: str) -> SafeString:
        return mark_safe(self.page.render(text))  # noqa: S308  # what comes out of the sanitiser is safe by its tests

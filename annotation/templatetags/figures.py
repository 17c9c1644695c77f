"""A stored figure (stats/figures.py) with its interval and its n, never without; too little data in words."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import template
from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

register = template.Library()

COUNTED = {
    "annotators": ngettext_lazy("%(n)s person", "%(n)s people", "count"),
    "comparisons": ngettext_lazy("%(n)s comparison", "%(n)s comparisons", "count"),
    "items": ngettext_lazy("%(n)s item", "%(n)s items", "count"),
    "judgements": ngettext_lazy("%(n)s judgement", "%(n)s judgements", "count"),
    "pairs": ngettext_lazy("%(n)s pair", "%(n)s pairs", "count"),
    "rankings": ngettext_lazy("%(n)s ranking", "%(n)s rankings", "count"),
    "ratings": ngettext_lazy("%(n)s rating", "%(n)s ratings", "count"),
    "repeats": ngettext_lazy("%(n)s repeat", "%(n)s repeats", "count"),
    "tasks": ngettext_lazy("%(n)s task", "%(n)s tasks", "count"),
    "tuples": ngettext_lazy("%(n)s tuple", "%(n)s tuples", "count"),
    "triads": ngettext_lazy("%(n)s triad", "%(n)s triads", "count"),
    "times": ngettext_lazy("%(n)s time", "%(n)s times", "count"),
    "votes on shared pairs": ngettext_lazy("%(n)s vote on a shared pair", "%(n)s votes on shared pairs", "count"),
    "votes": ngettext_lazy("%(n)s vote", "%(n)s votes", "count"),
}
# Why measuring found no number, as it says so in the stored figures.
REASONS = {
    "everybody always said the same, so there is nothing that chance could be told from": _(
        "everybody always said the same, so there is nothing that chance could be told from"
    ),
    "no task has more than two answers": _("no task has more than two answers"),
    "no answers of two policies were compared": _("no answers of two policies were compared"),
    "no judgement ranks two answers": _("no judgement ranks two answers"),
    "no judgement ranks three answers or more, and all that its task has": _(
        "no judgement ranks three answers or more, and all that its task has"
    ),
    "the lengths of the answers are not known": _("the lengths of the answers are not known"),
    "the imported judgements do not name their people": _("the imported judgements do not name their people"),
    "nothing is left to judge": _("nothing is left to judge"),
    "the project rests, so that nobody is asked": _("the project rests, so that nobody is asked"),
    "nobody judged anything in the last 14 days": _("nobody judged anything in the last 14 days"),
    "at this pace it takes more than ten years": _("at this pace it takes more than ten years"),
    "no pair was judged by two people, so nobody can be compared with anybody": _(
        "no pair was judged by two people, so nobody can be compared with anybody"
    ),
    "the judgements of the same pairs are too few or agree no better than chance": _(
        "the judgements of the same pairs are too few or agree no better than chance"
    ),
}
# The same where numbers stand in it; those of a fit that did not settle say nothing to a reader.
PATTERNS = (
    (
        re.compile(r"(?P<n>\d+) of (?P<all>\d+) policies were never compared with the others, even through others"),
        _("%(n)s of %(all)s policies were never compared with the others, even through others"),
    ),
    (re.compile(r"(?P<n>\d+) different values are no categories"), _("%(n)s different values are no categories")),
    (re.compile(r".+ still moved by .+ after \d+ steps"), _("the estimate did not settle")),
)
TOO_LITTLE = re.compile(r"not enough: (\d+) of the (\d+) (.+) that a number needs")
NOT_MEASURED = _("not measured")


@register.simple_tag
def share(figure: Any, href: str = "", *, short: bool = False) -> SafeString:
    """A share as "61 % (57 to 65 %) n = 1,204 pairs"; the number leads to the judgements behind it. `short`: the page
    says of what n is."""
    return _shown(figure, percent, href=href, unit="\u00a0%", short=short)


@register.simple_tag
def coefficient(figure: Any, href: str = "") -> SafeString:
    """What is no share, as "0.61 (0.57 to 0.65) n = 1,204 pairs"."""
    return _shown(figure, two_places, href=href, unit="")


@register.simple_tag
def share_in_words(figure: Any) -> str:
    """For a sentence: "61 % (57 to 65 %), n = 1,204 pairs"."""
    return _in_words(figure, percent, unit="\u00a0%")


@register.simple_tag
def coefficient_in_words(figure: Any) -> str:
    return _in_words(figure, two_places, unit="")


@register.simple_tag
def seconds(pace: Any) -> SafeString:
    """A median time as "39 s (35 to 44 s) n = 1,790", or why it has no range; older figures keep the median alone."""
    found = pace if isinstance(pace, Mapping) else {"median": pace or None}
    if found.get("median") is None:
        return format_html('<span class="quiet small">{}</span>', gettext("no times"))
    known = {"value": found["median"], **{key: found.get(key) for key in ("low", "high", "n", "missing")}}
    return _shown(known, whole, href="", unit="\u00a0s", short=True)


@register.filter
def is_known(figure: Any) -> bool:
    return value_of(figure) is not None


@register.filter
def percent(value: float) -> str:
    return number_format(round(100 * value))


def whole(value: float) -> str:
    return number_format(round(value), force_grouping=True)


@register.filter
def sure(probability: float) -> str:
    """In per cent; never a whole certainty."""
    return gettext("more than 99") if probability >= 0.995 else percent(probability)


@register.filter
def two_places(value: float) -> str:
    return number_format(round(value, 2), decimal_pos=2)


@register.filter
def counted(n: int, what: str) -> str:
    """1204, "pairs" -> "1,204 pairs", in the reader's language where the word is known."""
    shown = number_format(n, force_grouping=True)
    if what not in COUNTED:
        return f"{shown} {what}"
    return str(COUNTED[what] % {"count": n, "n": shown})


@register.filter
def day(text: str | None) -> str:
    """A stored day in the reader's language."""
    found = parse_date(text or "")
    return date_format(found, "DATE_FORMAT") if found else text or ""


def value_of(figure: Any) -> float | None:
    return figure.get("value") if isinstance(figure, Mapping) else None


def missing_of(figure: Any) -> str:
    """Why there is no number."""
    said = str(figure.get("missing") or "") if isinstance(figure, Mapping) else ""
    return why(said) or str(NOT_MEASURED)


@register.filter
def why(said: str | None) -> str:
    """A stored reason in the reader's language, where it is known; else as it is."""
    too_little = TOO_LITTLE.fullmatch(said or "")
    if too_little is None:
        return _known_reason(said or "")
    n, needed, what = too_little.groups()
    return gettext("not enough: %(n)s of %(needed)s") % {"n": n, "needed": counted(int(needed), what)}


def _known_reason(said: str) -> str:
    for pattern, sentence in PATTERNS:
        if found := pattern.fullmatch(said):
            return str(sentence) % found.groupdict()
    return str(REASONS.get(said, said))


def missing_in_short(figure: Any) -> str:
    """For a table in which the whole sentence would stand in every row."""
    n = figure.get("n", 0) if isinstance(figure, Mapping) else 0
    if not n:
        return gettext("none")
    return gettext("not enough, n = %(n)s") % {"n": number_format(n, force_grouping=True)}


def _shown(figure: Any, say: Callable[[float], str], *, href: str, unit: str, short: bool = False) -> SafeString:
    value = value_of(figure)
    if value is None:
        missing = missing_in_short(figure) if short else missing_of(figure)
        return format_html('<span class="quiet small">{}</span>', missing)
    n = figure.get("n", 0)
    if n is None:  # not kept
        return format_html('<span class="fig"><span class="fig__value">{}{}</span></span>', say(value), unit)
    number = format_html('<a href="{}">{}{}</a>', href, say(value), unit) if href else f"{say(value)}{unit}"
    return format_html(
        '<span class="fig"><span class="fig__value">{}</span> <span class="quiet">{}</span> '
        '<span class="quiet small fig__n">n&nbsp;=&nbsp;{}</span></span>',
        number,
        _between(figure, say, unit=unit),
        number_format(n, force_grouping=True) if short else counted(n, figure.get("what", "pairs")),
    )


def _in_words(figure: Any, say: Callable[[float], str], *, unit: str) -> str:
    value = value_of(figure)
    if value is None:
        return missing_of(figure)
    n = counted(figure.get("n", 0), figure.get("what", "pairs"))
    between = _between(figure, say, unit=unit)
    return f"{say(value)}{unit} {between}, n\u00a0=\u00a0{n}" if between else f"{say(value)}{unit}, n\u00a0=\u00a0{n}"


def _between(figure: Mapping[str, Any], say: Callable[[float], str], *, unit: str) -> str:
    low, high = figure.get("low"), figure.get("high")
    if low is None or high is None:
        return f"({said})" if (said := why(figure.get("missing"))) else ""
    return gettext("(%(low)s to %(high)s)") % {"low": say(low), "high": f"{say(high)}{unit}"}

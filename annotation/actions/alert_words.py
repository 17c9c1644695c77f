"""Alerts in words: on a page, in a mail, and as what is posted. No person is named in any of them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotation.models import Alert, Project

# Without and with an interval. Agreement of a stretch of time is counted in judgements, each against all others.
OF_PAIRS = (gettext_lazy("%(value)s of %(n)s pairs"), gettext_lazy("%(value)s (%(low)s to %(high)s) of %(n)s pairs"))
OF_JUDGEMENTS = (
    gettext_lazy("%(value)s in %(n)s judgements"),
    gettext_lazy("%(value)s (%(low)s to %(high)s) in %(n)s judgements"),
)


def sentence_of(alert: Alert) -> str:
    if alert.kind == Alert.Kind.WEEKLY:
        return " ".join(week_of(alert.detail))
    said = {"figure": in_words(alert.detail.get("figure")), "limit": percent(alert.detail.get("limit", 0))}
    if alert.kind == Alert.Kind.KNOWN:
        return _("Known answers: %(figure)s were right; the limit is %(limit)s.") % said
    return _("Agreement: %(figure)s were ordered alike; the limit is %(limit)s.") % said


def subject_of(alert: Alert) -> str:
    name = {"project": " ".join(str(alert.project).split())}
    words = {
        Alert.Kind.AGREEMENT: _("%(project)s: people agree less"),
        Alert.Kind.KNOWN: _("%(project)s: known answers are missed"),
        Alert.Kind.WEEKLY: _("%(project)s: the figures of the week"),
    }
    return words[Alert.Kind(alert.kind)] % name


def body_of(alert: Alert) -> str:
    lines = week_of(alert.detail) if alert.kind == Alert.Kind.WEEKLY else [sentence_of(alert)]
    if alert.kind != Alert.Kind.WEEKLY:
        lines.append(_("You are told once, until it stands at the limit again."))
    closing = _("You get this as an admin of %(project)s; its settings say when.") % {"project": alert.project}
    return "\n".join([*lines, "", _("More: %(address)s") % {"address": address_of(alert.project)}, "", closing, ""])


def posted(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "project": alert.project.slug,
        "at": alert.created_at.isoformat(),
        "text": f"{subject_of(alert)}. {sentence_of(alert)}",
        "detail": alert.detail,
        "url": address_of(alert.project),
    }


def week_of(detail: Mapping[str, Any]) -> list[str]:
    n = detail.get("judgements", 0)
    made = ngettext(
        "%(n)s judgement from %(first)s to %(last)s, %(all)s in all.",
        "%(n)s judgements from %(first)s to %(last)s, %(all)s in all.",
        n,
    )
    days = {"first": day(detail["from"]), "last": day(detail["to"])}
    lines = [made % {"n": intcomma(n), "all": intcomma(detail.get("in_all", 0)), **days}]
    lines += [_agreement(detail)]
    lines += [_("Known answers, of all time: %(figure)s were right.") % {"figure": in_words(detail.get("known"))}]
    if detail.get("ends"):
        lines.append(_("At this pace the queue ends on %(day)s.") % {"day": day(detail["ends"])})
    if attention := detail.get("attention", 0):
        sentence = ngettext(
            "%(n)s person needs a word; the page of people says why.",
            "%(n)s people need a word; the page of people says why.",
            attention,
        )
        lines.append(sentence % {"n": intcomma(attention)})
    return lines


def _agreement(detail: Mapping[str, Any]) -> str:
    said = _("Agreement: %(figure)s were ordered alike.") % {"figure": in_words(detail.get("agreement"))}
    before = detail.get("agreement_before")
    if before is None:
        return said
    last = _("In the last summary: %(share)s.") % {"share": percent(before)}
    return f"{said} {last}"


def in_words(figure: Mapping[str, Any] | None) -> str:
    """ "52 % (49 % to 55 %) of 1,204 pairs"."""
    if not figure or figure.get("value") is None:
        return _("not enough to say how many")
    said = {name: percent(figure[name]) for name in ("value", "low", "high") if figure.get(name) is not None}
    what = figure.get("what")
    sentences = OF_JUDGEMENTS if what == "judgements" else OF_PAIRS
    return str(sentences[len(said) == 3]) % {**said, "n": intcomma(figure.get("n", 0))}


def percent(share: float) -> str:
    return _("%(n)d %%") % {"n": round(100 * share)}


def day(iso: str) -> str:
    return date_format(date.fromisoformat(iso[:10]), "DATE_FORMAT")


def address_of(project: Project) -> str:
    """Of the quality page; a path alone where nobody said where the site is."""
    return f"{settings.SITE_URL}{reverse('annotation:quality', args=[project.slug])}"

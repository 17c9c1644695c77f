"""What statistics found, in sentences. A code that is not known here is shown as it is."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from annotation.stats.labels.verdict import ENOUGH_TASKS, GOOD_ALPHA, GOOD_PAIRS, GOOD_RATINGS
from annotation.stats.people.suggestions import FAST, KNOWN, LOPSIDED, REPEATS
from annotation.templatetags.figures import percent, two_places

# annotation/stats/labels/verdict.py
VERDICT: dict[str, StrPromise] = {
    "few_tasks": _("Fewer than %(tasks)s tasks were judged by two people or more."),
    "ratings_low": _("By these criteria, agreement beyond chance is not surely above %(ratings)s: %(criteria)s."),
    "no_variety": _("Nearly everybody says the same of everything, so that chance cannot be told from agreement."),
    "pairs_low": _("Agreement on pairs is not surely above %(pairs)s."),
    "near_chance": _("Agreement beyond chance is not surely above %(alpha)s."),
    "known_low": _("Of the pairs whose order is known, surely fewer than %(known)s are right."),
}
# annotation/stats/people/suggestions.py
PERSON: dict[str, StrPromise] = {
    "against": _(
        "They agree with others less often than coins would: perhaps they have the order the wrong way round."
    ),
    "known_chance": _("They order known pairs no better than coins would."),
    "fast_and_wrong": _("Many of their judgements are too quick to have been read, and many are wrong."),
    "known_low": _("Of the pairs whose order is known, they surely order fewer than %(known)s right."),
    "repeats_low": _("Asked again, they surely say the same of fewer than %(repeats)s of pairs."),
    "agreement_low": _("They surely agree with others less than people here do."),
    "worse": _("Their newest judgements surely agree with others less than those before."),
    "position": _("What stands at one place of the page wins surely more than %(lopsided)s of their pairs."),
    "fast": _("Surely more than %(fast)s of their judgements took less than a fifth of the usual time."),
    "length": _("They surely prefer longer answers more than others do."),
}


def in_words(codes: Iterable[str], sentences: Mapping[str, StrPromise], **names: str) -> list[str]:
    bounds = _bounds() | names
    return [str(sentences[code] % bounds) if code in sentences else code for code in codes]


def _bounds() -> dict[str, str]:
    """In the reader's language."""
    shares = {"pairs": GOOD_PAIRS, "known": KNOWN, "repeats": REPEATS, "lopsided": 0.5 + LOPSIDED, "fast": FAST}
    said = {name: f"{percent(share)}\u00a0%" for name, share in shares.items()}
    return {**said, "tasks": str(ENOUGH_TASKS), "alpha": two_places(GOOD_ALPHA), "ratings": two_places(GOOD_RATINGS)}

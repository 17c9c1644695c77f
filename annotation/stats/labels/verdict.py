"""Whether labels are good enough to train on, from how far people agree; in codes.

Preferences are matters of judgement: those who trained on them report that two people agree on 63 % (Bai et al.,
2204.05862, with the authors) to 73 % of pairs (Ouyang et al., 2203.02155, labellers with each other). Krippendorff's
0.8 and 0.667 are for categories that a text has or has not, and would call such labels worthless.

Where answers are only rated, agreement is alpha of the ratings as distances, which for two people is nearly their
kappa with squared weights. Of ratings that good reward models were trained on that was 0.47 as they came and 0.71
after the people who agreed least were left out (HelpSteer2, Wang et al., 2406.08673).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from annotation.stats.figures import Figure
from annotation.stats.people.suggestions import KNOWN, UNKNOWN, below

GOOD_PAIRS, GOOD_ALPHA = 0.65, 0.2  # both ends that the interval must not go below
FAIR_PAIRS, FAIR_ALPHA = 0.55, 0.0
GOOD_RATINGS, FAIR_RATINGS = 0.4, 0.2  # of alpha of ratings
ENOUGH_TASKS = 50  # with fewer an interval of a share is wider than 0.26, and good and poor overlap


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`code`: "good", "fair", "poor", or "unknown". `reasons`: "few_tasks", "no_variety", "pairs_low", "near_chance",
    "ratings_low", "known_low", in no order that matters; empty for "good". `criteria`: the code of each, where
    answers are only rated."""

    code: str
    reasons: list[str]
    criteria: dict[str, str] = field(default_factory=dict)


def verdict(*, pairs: Figure, alpha: Figure, known: Figure = UNKNOWN) -> Verdict:
    """`pairs`: agreement of two people on pairs, ties half; `alpha`: beyond chance, on the same. Both count, for who
    always ties agrees on everything. Where known answers are surely often missed, labels are fair at best."""
    if pairs.low is None or (pairs.groups or 0) < ENOUGH_TASKS:
        return Verdict(code="unknown", reasons=["few_tasks"])
    if alpha.low is None:
        return Verdict(code="unknown", reasons=["no_variety"])
    found = []
    if pairs.low < GOOD_PAIRS:
        found.append("pairs_low")
    if alpha.low < GOOD_ALPHA:
        found.append("near_chance")
    if below(known, KNOWN):
        found.append("known_low")
    if not found:
        return Verdict(code="good", reasons=[])
    fair = pairs.low >= FAIR_PAIRS and alpha.low > FAIR_ALPHA
    return Verdict(code="fair" if fair else "poor", reasons=found)


def of_ratings(criteria: Mapping[str, Figure]) -> Verdict:
    """`criteria`: alpha of each. A model learns each by itself, so that labels are good where all are, and poor where
    none is at least fair; those of which nothing can be said do not count."""
    codes = {name: of_criterion(alpha) for name, alpha in criteria.items()}
    told = [code for code in codes.values() if code in ("good", "fair", "poor")]
    if not told:
        return Verdict(code="unknown", reasons=sorted(set(codes.values())), criteria=dict.fromkeys(codes, "unknown"))
    known = {name: code if code in told else "unknown" for name, code in codes.items()}
    if set(told) == {"good"}:
        return Verdict(code="good", reasons=[], criteria=known)
    return Verdict(code="poor" if set(told) == {"poor"} else "fair", reasons=["ratings_low"], criteria=known)


def of_criterion(alpha: Figure) -> str:
    """Its code, or the reason why it has none."""
    if (alpha.groups or 0) < ENOUGH_TASKS:
        return "few_tasks"
    if alpha.low is None:
        return "no_variety"
    if alpha.low >= GOOD_RATINGS:
        return "good"
    return "fair" if alpha.low >= FAIR_RATINGS else "poor"

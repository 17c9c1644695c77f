"""Whether labels are good enough to train on, from how far people agree; in codes.

Preferences are matters of judgement: those who trained on them report that two people agree on 63 % (Bai et al.,
2204.05862, with the authors) to 73 % of pairs (Ouyang et al., 2203.02155, labellers with each other). Krippendorff's
0.8 and 0.667 are for categories that a text has or has not, and would call such labels worthless.
"""

from dataclasses import dataclass

from annotation.stats.figures import Figure
from annotation.stats.people.suggestions import KNOWN, UNKNOWN, below

GOOD_PAIRS, GOOD_ALPHA = 0.65, 0.2  # both ends that the interval must not go below
FAIR_PAIRS, FAIR_ALPHA = 0.55, 0.0
ENOUGH_TASKS = 50  # with fewer an interval of a share is wider than 0.26, and good and poor overlap


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`code`: "good", "fair", "poor", or "unknown". `reasons`: "no_rankings", "few_tasks", "no_variety",
    "pairs_low", "near_chance", "known_low", in no order that matters; empty for "good"."""

    code: str
    reasons: list[str]


def verdict(*, pairs: Figure, alpha: Figure, known: Figure = UNKNOWN, ranks: bool = True) -> Verdict:
    """`pairs`: agreement of two people on pairs, ties half; `alpha`: beyond chance, on the same. Both count, for who
    always ties agrees on everything. Where known answers are surely often missed, labels are fair at best.
    `ranks`: whether anything is ranked at all; ratings alone have no verdict."""
    if not ranks:
        return Verdict(code="unknown", reasons=["no_rankings"])
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

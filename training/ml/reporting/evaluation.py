"""Held-out accuracy with an interval that knows pairs of one prompt are not independent. Torch-free.

Accuracy is the share of strict pairs whose preferred answer scores higher; equal scores count half. The interval is a
percentile bootstrap over prompts (Efron 1979; clusters: Field and Welsh 2007): prompts are drawn with replacement,
each with all of its pairs.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.ml.data.pairs import Pair

DRAWS = 1000
LEVEL = 0.95
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Credit for one pair: 1 right, 0 wrong, 0.5 undecided."""

    prompt_id: str
    credit: float


def credit(chosen: float, rejected: float) -> float:
    return 0.5 if chosen == rejected else float(chosen > rejected)


def accuracy(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """`{"value", "low", "high", "n_pairs", "n_prompts"}`; numbers are None where there is nothing to tell from."""
    groups: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.prompt_id].append(outcome.credit)
    right = np.array([sum(credits) for credits in groups.values()])  # (P,)
    pairs = np.array([len(credits) for credits in groups.values()])  # (P,)
    counts = {"n_pairs": len(outcomes), "n_prompts": len(groups)}
    if not outcomes:
        return {"value": None, "low": None, "high": None, **counts}
    low, high = interval(right, pairs, seed=seed)
    return {"value": rounded(right.sum() / pairs.sum()), "low": rounded(low), "high": rounded(high), **counts}


def interval(right: "np.ndarray[Any, Any]", pairs: "np.ndarray[Any, Any]", *, seed: int) -> tuple[float, float]:
    """Of the ratio Σright / Σpairs over prompts. One prompt alone tells nothing of others: 0 to 1."""
    prompts = len(pairs)
    if prompts < 2:
        return 0.0, 1.0
    generator = np.random.default_rng(seed)
    ratios = np.empty(DRAWS)
    for draw in range(DRAWS):
        drawn = generator.integers(0, prompts, prompts)
        ratios[draw] = right[drawn].sum() / pairs[drawn].sum()
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return float(low), float(high)


def outcomes_of(pairs: Sequence[Pair], *, margins: Sequence[float]) -> list[Outcome]:
    """Of each pair; `margins` are score(chosen) - score(rejected)."""
    return [
        Outcome(prompt_id=pair.prompt_id, credit=credit(margin, 0.0))
        for pair, margin in zip(pairs, margins, strict=True)
    ]


def longest(pairs: Sequence[Pair]) -> list[Outcome]:
    """Baseline: the longer answer (in characters) is the better one."""
    return [Outcome(prompt_id=p.prompt_id, credit=credit(len(p.chosen), len(p.rejected))) for p in pairs]


def majority(pairs: Sequence[Pair], *, train: Sequence[Pair]) -> list[Outcome]:
    """Baseline that reads no answer: the policy that won the larger share of its training pairs wins again."""
    won, met = Counter(p.chosen_policy for p in train), Counter(p.chosen_policy for p in train)
    met.update(p.rejected_policy for p in train)

    def share(policy: str) -> float:
        return won[policy] / met[policy] if met[policy] else 0.5

    return [
        Outcome(prompt_id=p.prompt_id, credit=credit(share(p.chosen_policy), share(p.rejected_policy))) for p in pairs
    ]


def held_out(
    pairs: Sequence[Pair], *, margins: Sequence[float], train: Sequence[Pair], ties: int, seed: int
) -> dict[str, Any]:
    """Accuracy and its baselines: `margins` are score(chosen) - score(rejected), one for each pair."""
    return {
        "accuracy": accuracy(outcomes_of(pairs, margins=margins), seed=seed),
        "baselines": {
            "longest": accuracy(longest(pairs), seed=seed),
            "majority": accuracy(majority(pairs, train=train), seed=seed),
        },
        "ties": ties,
    }


def rounded(value: float) -> float:
    return round(float(value), DIGITS)

"""Held-out accuracy of parts of the pairs: by strength, by annotator, by the two policies compared. Torch-free.

Each part has the accuracy and the interval by prompt that `evaluation` gives the whole, if it holds `LEAST` pairs;
with fewer, its counts only. Of many parts the `SHOWN` largest stand alone and the rest are one part. Left out:
anything that corrects for looking at many parts at once; the lowest of twenty is low by chance, too.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from training.ml.data.pairs import Pair
from training.ml.reporting import evaluation
from training.ml.reporting.evaluation import Outcome

LEAST = 10
SHOWN = 20


def accuracies(pairs: Sequence[Pair], outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """`{"strength": {"parts", "rest"}, "annotator": …, "policies": …}`; one outcome for each pair."""
    return {kind: parts(pairs, outcomes, name=name, seed=seed) for kind, name in KINDS.items()}


def parts(
    pairs: Sequence[Pair], outcomes: Sequence[Outcome], *, name: Callable[[Pair], str], seed: int
) -> dict[str, Any]:
    """`parts`: a record a name, in their order; `rest`: all others together, and how many they are, if any."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for pair, outcome in zip(pairs, outcomes, strict=True):
        found[name(pair)].append(outcome)
    largest = sorted(found, key=lambda part: (-len(found[part]), part))
    others = [outcome for part in largest[SHOWN:] for outcome in found[part]]
    return {
        "parts": [{"name": part} | accuracy(found[part], seed=seed) for part in sorted(largest[:SHOWN])],
        "rest": {"parts": len(largest) - SHOWN} | accuracy(others, seed=seed) if others else None,
    }


def accuracy(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """As `evaluation.accuracy`, but of too few pairs only the counts."""
    if len(outcomes) >= LEAST:
        return evaluation.accuracy(outcomes, seed=seed)
    counts = {"n_pairs": len(outcomes), "n_prompts": len({outcome.prompt_id for outcome in outcomes})}
    return evaluation.accuracy([], seed=seed) | counts


def strength(pair: Pair) -> str:
    return "none" if pair.strength is None else str(pair.strength)


def annotator(pair: Pair) -> str:
    return pair.annotator


def policies(pair: Pair) -> str:
    """The same name whichever of the two was preferred."""
    return " | ".join(sorted((pair.chosen_policy, pair.rejected_policy)))


KINDS: dict[str, Callable[[Pair], str]] = {"strength": strength, "annotator": annotator, "policies": policies}

"""Held-out accuracy of parts of the pairs: by strength, annotator, source, tag and the two policies. Torch-free.

Each part has the accuracy and the interval by prompt that `evaluation` gives the whole, if it holds `LEAST` pairs;
with fewer, its counts only. A pair is in a part for each of its tags, and in one part of every other kind. Of many
parts the `SHOWN` largest stand alone and the rest are one part, with each pair once. Left out: anything that corrects
for looking at many parts at once; the lowest of twenty is low by chance, too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from training.ml.data.pairs import Pair
from training.ml.reporting import evaluation
from training.ml.reporting.evaluation import Outcome

LEAST = 10
SHOWN = 20


def accuracies(pairs: Sequence[Pair], outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """`{"strength": {"parts", "rest"}, "annotator": …}`, a record for each of `KINDS`; one outcome for each pair."""
    return {kind: parts(pairs, outcomes, names=names, seed=seed) for kind, names in KINDS.items()}


def parts(
    pairs: Sequence[Pair], outcomes: Sequence[Outcome], *, names: Callable[[Pair], Iterable[str]], seed: int
) -> dict[str, Any]:
    """`parts`: a record a name, in their order; `rest`: all others together, and how many they are, if any."""
    found: dict[str, list[int]] = defaultdict(list)  # places of the pairs
    for place, (pair, _) in enumerate(zip(pairs, outcomes, strict=True)):
        for name in names(pair):
            found[name].append(place)
    largest = sorted(found, key=lambda part: (-len(found[part]), part))
    others = sorted({place for part in largest[SHOWN:] for place in found[part]})

    def of(places: Iterable[int]) -> dict[str, Any]:
        return accuracy([outcomes[place] for place in places], seed=seed)

    return {
        "parts": [{"name": part} | of(found[part]) for part in sorted(largest[:SHOWN])],
        "rest": {"parts": len(largest) - SHOWN} | of(others) if others else None,
    }


def accuracy(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Any]:
    """As `evaluation.accuracy`, but of too few pairs only the counts."""
    if len(outcomes) >= LEAST:
        return evaluation.accuracy(outcomes, seed=seed)
    counts = {"n_pairs": len(outcomes), "n_prompts": len({outcome.prompt_id for outcome in outcomes})}
    return evaluation.accuracy([], seed=seed) | counts


def strength(pair: Pair) -> Iterable[str]:
    return ("none" if pair.strength is None else str(pair.strength),)


def annotator(pair: Pair) -> Iterable[str]:
    return (pair.annotator,)


def source(pair: Pair) -> Iterable[str]:
    return (pair.source,)


def tags(pair: Pair) -> Iterable[str]:
    return sorted(set(pair.tags)) or ("none",)


def policies(pair: Pair) -> Iterable[str]:
    """The same name whichever of the two was preferred."""
    return (" | ".join(sorted((pair.chosen_policy, pair.rejected_policy))),)


KINDS: dict[str, Callable[[Pair], Iterable[str]]] = {
    "strength": strength,
    "annotator": annotator,
    "source": source,
    "tag": tags,
    "policies": policies,
}

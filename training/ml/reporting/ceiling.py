"""The human ceiling: how often two people agree on one and the same pair of answers. Torch-free.

    agreement = Σ over pairs of answers Σ over people i < j of [pᵢ pⱼ + (1 - pᵢ)(1 - pⱼ)]  /  number of such i, j

pᵢ is the share of person i's strict judgements of that pair that prefer its first answer: 0 or 1 for whoever judged
it once, so that the formula counts the pairs of people who agree (observed agreement, Fleiss 1971, here with any
number of people a pair). Ties say nothing, as in the accuracy. The interval draws prompts, as `evaluation` does.

It bounds a model only roughly: a model that knows what most people say agrees with a person more often than another
person does. Hence a model above the interval is a reason to look, not a proof of a mistake.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from training.ml.data.pairs import Pair, Prompt
from training.ml.reporting import evaluation

Said = dict[str, list[bool]]  # by annotator: was the first of the two answers preferred


def agreement(pairs: Sequence[Pair], *, seed: int) -> dict[str, Any]:
    """`{"value", "low", "high", "n", "n_pairs", "n_prompts"}`: `n` pairs of people, on `n_pairs` pairs of answers.

    The numbers are None where no pair was judged by two people.
    """
    by_prompt: dict[Prompt, list[list[float]]] = defaultdict(list)
    for prompt, said in judged(pairs):
        if len(said) > 1:
            by_prompt[prompt].append([float(np.mean(heard)) for heard in said.values()])
    agreed = np.array([sum(map(agreeing, found)) for found in by_prompt.values()])  # (P,)
    met = np.array([sum(map(meetings, found)) for found in by_prompt.values()])  # (P,)
    counts = {"n": int(met.sum()), "n_pairs": sum(map(len, by_prompt.values())), "n_prompts": len(by_prompt)}
    if not by_prompt:
        return {"value": None, "low": None, "high": None, **counts}
    low, high = evaluation.interval(agreed, met, seed=seed)
    value = agreed.sum() / met.sum()
    return {
        "value": evaluation.rounded(value),
        "low": evaluation.rounded(low),
        "high": evaluation.rounded(high),
        **counts,
    }


def judged(pairs: Sequence[Pair]) -> Iterable[tuple[Prompt, Said]]:
    """What was said of each two different answers to one prompt, whichever was preferred."""
    found: dict[tuple[Prompt, str, str], Said] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        if pair.chosen != pair.rejected:
            first, second = sorted((pair.chosen, pair.rejected))
            found[pair.prompt, first, second][pair.annotator].append(pair.chosen == first)
    return ((prompt, said) for (prompt, _, _), said in found.items())


def agreeing(shares: Sequence[float]) -> float:
    """How many pairs of people agree, without looking at each: Σ_{i<j} xᵢxⱼ = ((Σx)² - Σx²) / 2."""
    first = np.array(shares)  # (N,)
    return sum(float(part.sum() ** 2 - (part**2).sum()) / 2 for part in (first, 1 - first))


def meetings(shares: Sequence[float]) -> int:
    return len(shares) * (len(shares) - 1) // 2

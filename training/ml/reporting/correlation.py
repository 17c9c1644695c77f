"""Does a score follow the answer's length? Pearson's and Spearman's correlation. Torch-free.

    Pearson r = Σ (x - x̄)(y - ȳ) / √(Σ (x - x̄)² · Σ (y - ȳ)²)
    Spearman ρ = r of the ranks, equal values at the mean of theirs

Sources: Pearson 1895; Spearman 1904. Length is in characters, as for the baseline that takes the longer answer; each
held-out answer counts once, whatever pairs it stands in. A high correlation need not be a fault: people may like long
answers. Left out: scores compared within one prompt only, and lengths in tokens.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from training.ml.data.pairs import Pair, Prompt
from training.ml.reporting import evaluation


def with_length(pairs: Sequence[Pair], scores: Iterable[tuple[float, float]]) -> dict[str, Any]:
    """`{"pearson", "spearman", "n"}` over the distinct answers; `scores`: of each pair's preferred and other answer.

    A correlation is None where scores or lengths are all one, or a score is not finite.
    """
    of_answer: dict[tuple[Prompt, str], float] = {}
    for pair, (chosen, rejected) in zip(pairs, scores, strict=True):
        of_answer.setdefault((pair.prompt, pair.chosen), chosen)
        of_answer.setdefault((pair.prompt, pair.rejected), rejected)
    lengths = [float(len(answer)) for _, answer in of_answer]
    values = list(of_answer.values())
    return {
        "pearson": known(pearson(lengths, values)),
        "spearman": known(spearman(lengths, values)),
        "n": len(values),
    }


def pearson(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Of two samples of one length (N,), None where one of them does not vary or is not finite."""
    both = np.array([first, second], dtype=float)  # (2, N)
    if not np.isfinite(both).all() or any(len(set(sample)) < 2 for sample in (first, second)):
        return None
    apart = both - both.mean(axis=1, keepdims=True)
    apart /= np.abs(apart).max(axis=1, keepdims=True)  # squares of tiny or huge scores stay in range
    x, y = apart
    return float(np.clip((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()), -1, 1))


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation of the ranks; None where `pearson` is."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    return pearson(ranks(first), ranks(second))


def ranks(sample: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, place, count = np.unique(sample, return_inverse=True, return_counts=True)
    return list((np.cumsum(count) - (count - 1) / 2)[place].tolist())


def known(value: float | None) -> float | None:
    return None if value is None else evaluation.rounded(value)

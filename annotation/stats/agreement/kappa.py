"""Cohen's and Fleiss' kappa: agreement beyond what each person's, or everybody's, habits would give.

    kappa = (P_o - P_e) / (1 - P_e)

P_o is the share of agreement, P_e what it would be if people said what they say by chance.
"""

import numpy as np

from annotation.stats.agreement.pairs import PairCounts
from annotation.stats.figures import Figure
from annotation.stats.resampling import DRAWS, MINIMUM_ITEMS, SEED, resampled
from annotation.stats.said import Floats, Whole


def cohen(
    first: Whole,
    second: Whole,
    *,
    categories: int,
    clusters: Whole | None = None,
    needed: int = MINIMUM_ITEMS,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Figure:
    """Kappa of two people who each gave the same N items one of `categories`, 0 and up: `first`, `second` (N,).

    P_e = Σ_c p_c q_c of the two people's own shares (Cohen, Educational and Psychological Measurement 20(1), 1960).
    `clusters`: (N,), the tasks that the bootstrap draws if not items.
    """
    cells = np.zeros((first.size, categories * categories))
    cells[np.arange(first.size), first * categories + second] = 1.0
    return resampled(cells, cohen_of_sums, clusters=clusters, what="items", needed=needed, draws=draws, seed=seed)


def cohen_of_sums(sums: Floats) -> Floats:
    """Kappa (D,) from tables of what the one and the other said, (D, C * C)."""
    size = round(np.sqrt(sums.shape[1]))
    tables = sums.reshape(-1, size, size)
    n = sums.sum(axis=1)
    observed = np.trace(tables, axis1=1, axis2=2) / n
    expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1) / n**2
    return _kappa(observed, expected)


def fleiss(
    counts: Whole,
    *,
    clusters: Whole | None = None,
    needed: int = MINIMUM_ITEMS,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Figure:
    """Kappa of any number of people: `counts` (I, C), how many gave each item each category.

    P_o is the mean over items of the share of two of its people who agree, P_e = Σ_c p_c² of all values (Fleiss,
    Psychological Bulletin 76(5), 1971, there with as many people for each item; here items of two people or more).
    `clusters`: (I,), the tasks that the bootstrap draws if not items.
    """
    kept = counts.sum(axis=1) > 1
    rows = _fleiss_rows(counts[kept].astype(np.float64))
    drawn = None if clusters is None else clusters[kept]
    return resampled(rows, fleiss_of_sums, clusters=drawn, what="items", needed=needed, draws=draws, seed=seed)


def fleiss_of_pairs(counts: PairCounts, *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """Fleiss' kappa of better, neither, worse on pairs of answers, drawing tasks. The sides stand as they stand in
    the task, as where such figures are published; `alpha_of_pairs` does without."""
    shared = counts.shared
    return fleiss(shared.counts, clusters=shared.tasks, draws=draws, seed=seed)


def fleiss_of_sums(sums: Floats) -> Floats:
    """Kappa (D,) from sums (D, 2 + C): of 1 an item, of its agreement, and of its values by category."""
    margins = sums[:, 2:]
    shares = margins / margins.sum(axis=1, keepdims=True)
    return _kappa(sums[:, 1] / sums[:, 0], (shares**2).sum(axis=1))


def _fleiss_rows(counts: Floats) -> Floats:
    n = counts.sum(axis=1)
    alike = (counts * (counts - 1)).sum(axis=1) / np.maximum(n * (n - 1), 1)
    return np.hstack([np.ones((len(counts), 1)), alike[:, None], counts])


def _kappa(observed: Floats, expected: Floats) -> Floats:
    some = expected < 1 - 1e-12
    return np.where(some, (observed - expected) / np.where(some, 1 - expected, 1.0), np.nan)

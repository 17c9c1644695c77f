"""Bootstrap of statistics that are functions of sums: what is drawn with replacement are groups (items, tasks)."""

from collections.abc import Callable

import numpy as np

from annotation.stats.figures import Figure, not_enough
from annotation.stats.intervals import CONFIDENCE, wilson
from annotation.stats.said import Floats, Whole
from annotation.stats.shares import by_cluster

DRAWS = 1000
SEED = 20
# A percentile bootstrap of fewer groups is too narrow: simulated 95 % intervals of alpha held the truth in 92 % of
# cases from 10 items, 94 % from 20 and 95 % from 40 (1,000 samples each).
MINIMUM_ITEMS = 20
FEW = 1 / 4  # of patterns to groups: with more, drawing groups one by one is faster
NO_VARIETY = "everybody always said the same, so there is nothing that chance could be told from"
CELLS = 4_000_000  # of drawn numbers at a time: 32 MB

Statistic = Callable[[Floats], Floats]  # sums (D, C) to values (D,), NaN where there is none


def resampled_sums(rows: Floats, *, draws: int = DRAWS, seed: int = SEED) -> Floats:
    """(D, C): column sums of G rows (G, C) drawn with replacement, D times (Efron, Annals of Statistics 7(1), 1979).

    Rows that are equal need not be told apart: how often each of U patterns comes is one multinomial draw, so that
    100,000 items of a few raters and categories cost what a hundred do.
    """
    chance = np.random.default_rng(seed)
    patterns, times = np.unique(rows.round(9), axis=0, return_counts=True)
    if times.size <= max(FEW * len(rows), 1):
        portions = np.diff(np.append(np.arange(0, draws, max(CELLS // times.size, 1)), draws))
        drawn = (chance.multinomial(len(rows), times / len(rows), size=portion) for portion in portions)
        return np.concatenate([numbers @ patterns for numbers in drawn])
    sums = np.empty((draws, rows.shape[1]))
    for draw in range(draws):
        chosen = np.bincount(chance.integers(0, len(rows), len(rows)), minlength=len(rows))
        sums[draw] = chosen @ rows
    return sums


def resampled(
    rows: Floats,
    statistic: Statistic,
    *,
    what: str,
    clusters: Whole | None = None,
    perfect: float = 1.0,
    needed: int = MINIMUM_ITEMS,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Figure:
    """The statistic of all I rows (I, C), one for each of `what`, with the 95 % percentile interval of its bootstrap.

    `clusters`: (I,), the tasks that are drawn, with all that they hold; without them rows are. At `perfect`, its
    greatest value, all draws are alike and the interval would be a point. Then it says what is still possible: that
    in a share of the groups up to the end of Wilson's interval agreement was by chance. The statistic is NaN where
    everybody always says one and the same.
    """
    groups = rows if clusters is None else np.stack(by_cluster(clusters, *rows.T), axis=1)
    if len(groups) < needed:
        return not_enough(n=len(groups), needed=needed, what=what if clusters is None else "tasks")
    value = float(statistic(groups.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return Figure(value=None, n=len(rows), groups=len(groups), what=what, missing=NO_VARIETY)
    low, high = _percentiles(statistic(resampled_sums(groups, draws=draws, seed=seed)))
    if value >= perfect - 1e-12:
        low, high = wilson(len(groups), len(groups)).low, perfect
    return Figure(value=value, low=low, high=high, n=len(rows), groups=len(groups), what=what)


def _percentiles(values: Floats) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)

"""Krippendorff's alpha: agreement beyond what chance would give, for any number of people an item.

    alpha = 1 - D_o / D_e

D_o is the mean distance of two values that two people gave one item, D_e that of any two of all values. 1 is perfect,
0 what chance gives. (Krippendorff, *Content Analysis*, 4th edition, 2018, chapter 12; the intervals draw items, as
Zapf et al., BMC Medical Research Methodology 16, 2016, find right.)
"""

from itertools import combinations_with_replacement
from typing import Literal

import numpy as np

from annotation.stats.agreement.pairs import PairCounts
from annotation.stats.figures import Figure
from annotation.stats.resampling import DRAWS, MINIMUM_ITEMS, SEED, Statistic, resampled
from annotation.stats.said import Floats, Whole
from annotation.stats.votes import LEFT, RIGHT, TIE

Level = Literal["nominal", "ordinal", "interval"]

MOST_CATEGORIES = 64  # of unordered values; more are no categories
MOST_GRADES = 8  # of ordered values whose ranks are taken anew in each draw; of more they stay those of all values


def alpha(
    *,
    items: Whole,
    values: Floats,
    level: Level,
    clusters: Whole | None = None,
    needed: int = MINIMUM_ITEMS,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Figure:
    """Alpha of `values` (V,), one a person and item, of the `items` (V,) they were given to; NaN is no value.

    Distances squared: nominal 0 or 1; interval the difference; ordinal the difference of the values' mid-ranks among
    all values. `clusters`: (V,), the tasks that the bootstrap draws if not items. Items with one value say
    nothing. `n` counts items, `groups` what was drawn.
    """
    said = np.flatnonzero(~np.isnan(values))
    _, places = np.unique(items[said], return_inverse=True)
    said = said[np.bincount(places)[places] > 1]
    _, first, places = np.unique(items[said], return_index=True, return_inverse=True)
    distinct, codes = np.unique(values[said], return_inverse=True)
    if level == "nominal" and distinct.size > MOST_CATEGORIES:
        return Figure(value=None, what="items", missing=f"{distinct.size} different values are no categories")
    rows, statistic = _sums(places, codes=codes, distinct=distinct, level=level)
    drawn = None if clusters is None else clusters[said][first]
    return resampled(rows, statistic, clusters=drawn, what="items", needed=needed, draws=draws, seed=seed)


def alpha_of_pairs(counts: PairCounts, *, draws: int = DRAWS, seed: int = SEED) -> Figure:
    """Nominal alpha of better, neither, worse on pairs of answers, drawing tasks.

    Which answer of a pair is called the first means nothing, so each pair counts half one way round and half the
    other: chance gives both sides the same share.
    """
    shared = counts.shared
    n = shared.voices.astype(np.float64)
    alike = (shared.counts * (shared.counts - 1)).sum(axis=1) / np.maximum(n - 1, 1)
    strict = (shared.counts[:, LEFT] + shared.counts[:, RIGHT]).astype(np.float64)
    rows = np.stack([alike, strict / 2, shared.counts[:, TIE].astype(np.float64), strict / 2], axis=1)
    return resampled(rows, nominal, clusters=shared.tasks, what="pairs", draws=draws, seed=seed)


def nominal(sums: Floats) -> Floats:
    """Alpha (D,) from sums (D, 1 + C): the coincidences of equal values, Σ c (c - 1) / (n - 1), and how many values
    there are of each category."""
    margins = sums[:, 1:]
    n = margins.sum(axis=1)
    expected = (n**2 - (margins**2).sum(axis=1)) / (n - 1)
    return _beyond_chance(observed=n - sums[:, 0], expected=expected)


def interval(sums: Floats) -> Floats:
    """Alpha (D,) from sums (D, 4): squared differences within items, Σ 2 (n s₂ - s₁²) / (n - 1), then the number, sum
    and sum of squares of all values."""
    within, n, first, second = sums.T
    return _beyond_chance(observed=within, expected=2 * (n * second - first**2) / (n - 1))


def ordinal(sums: Floats) -> Floats:
    """Alpha (D,) from sums (D, C (C + 1) / 2) of the coincidences of grades a <= b, both ways together."""
    size = round((np.sqrt(8 * sums.shape[1] + 1) - 1) / 2)
    matrix = np.zeros((len(sums), size, size))
    for column, (a, b) in enumerate(combinations_with_replacement(range(size), 2)):
        matrix[:, a, b] += sums[:, column] / 2
        matrix[:, b, a] += sums[:, column] / 2
    margins = matrix.sum(axis=2)  # (D, C)
    ranks = np.cumsum(margins, axis=1) - margins / 2
    distance = (ranks[:, :, None] - ranks[:, None, :]) ** 2
    expected = np.einsum("da,dab,db->d", margins, distance, margins) / (margins.sum(axis=1) - 1)
    return _beyond_chance(observed=(matrix * distance).sum(axis=(1, 2)), expected=expected)


def _sums(items: Whole, *, codes: Whole, distinct: Floats, level: Level) -> tuple[Floats, Statistic]:
    """What of each item (I, C) goes into the sums, and the statistic of these."""
    if level == "nominal" or (level == "ordinal" and distinct.size <= MOST_GRADES):
        size = max(distinct.size, 1)
        counts = np.bincount(items * size + codes, minlength=(int(items.max(initial=-1)) + 1) * size)
        table = counts.reshape(-1, size).astype(np.float64)
        return (_categories(table), nominal) if level == "nominal" else (_grades(table), ordinal)
    return _moments(items, _mid_ranks(codes)[codes] if level == "ordinal" else distinct[codes]), interval


def _categories(counts: Floats) -> Floats:
    n = counts.sum(axis=1, keepdims=True)
    return np.hstack([(counts * (counts - 1)).sum(axis=1, keepdims=True) / np.maximum(n - 1, 1), counts])


def _grades(counts: Floats) -> Floats:
    others = np.maximum(counts.sum(axis=1) - 1, 1)
    pairs = combinations_with_replacement(range(counts.shape[1]), 2)
    columns = [counts[:, a] * (counts[:, b] - 1 if a == b else 2 * counts[:, b]) / others for a, b in pairs]
    return np.stack(columns, axis=1)


def _moments(items: Whole, values: Floats) -> Floats:
    centred = values - values.mean() if values.size else values  # else squares of great values lose their digits
    n, first, second = (np.bincount(items, weights=centred**power) for power in range(3))
    within = 2 * np.maximum(n * second - first**2, 0) / np.maximum(n - 1, 1)
    return np.stack([within, n, first, second], axis=1)


def _mid_ranks(codes: Whole) -> Floats:
    """(C,): the middle of the places that the values of each grade take among all."""
    counts = np.bincount(codes)
    return np.asarray(np.cumsum(counts) - counts / 2, dtype=np.float64)


def _beyond_chance(*, observed: Floats, expected: Floats) -> Floats:
    """1 - observed / expected, NaN where chance has no variety."""
    some = expected > 1e-12
    return np.where(some, 1 - observed / np.where(some, expected, 1.0), np.nan)

"""Medians of times with an exact interval: two of the times themselves, whatever their distribution.

Of n times each lies below the true median as a coin falls, so that the k-th smallest and the k-th greatest hold it
between them unless fewer than k are on one side: with 1 - 2 P(B <= k - 1) for B ~ Binomial(n, 1/2), and more where
times are equal. k is the greatest that leaves 95 % (Conover, *Practical Nonparametric Statistics*, 3rd edition, 1999,
§3.2). Below 6 times there is none.
"""

from functools import cache
from math import lgamma, log, sqrt

import numpy as np

from annotation.stats.figures import Figure, not_enough
from annotation.stats.intervals import CONFIDENCE
from annotation.stats.said import Floats, Whole


def median(times: Floats, *, needed: int = 1) -> Figure:
    """In seconds; NaN is no time."""
    ordered = np.sort(times[~np.isnan(times)])
    if ordered.size < needed:
        return not_enough(n=ordered.size, needed=needed, what="times")
    return _of_ordered(ordered)


def medians_by(times: Floats, groups: Whole, *, number: int) -> list[Figure]:
    """A median for each of `number` groups, to which `groups` (N,) assigns the times (N,), all of them known."""
    order = np.lexsort((times, groups))
    ends = np.cumsum(np.bincount(groups, minlength=number))
    parts = np.split(times[order], ends[:-1])
    return [_of_ordered(part) if part.size else not_enough(n=0, needed=1, what="times") for part in parts]


@cache
def rank(n: int) -> int:
    """k; 0 where even the smallest and the greatest of n hold the median less often than in 95 %."""
    first = max(0, int(n / 2 - 5 * sqrt(n)))  # ten standard deviations: what lies below has no weight
    steps = np.arange(first, n // 2 + 1)
    start = lgamma(n + 1) - lgamma(first + 1) - lgamma(n - first + 1) - n * log(2)
    ratios = np.log((n - steps[:-1]) / (steps[:-1] + 1))
    below = np.cumsum(np.exp(start + np.concatenate([[0.0], np.cumsum(ratios)])))  # P(B <= step)
    return first + int(np.searchsorted(below, (1 - CONFIDENCE) / 2, side="right"))


def _of_ordered(times: Floats) -> Figure:
    n, k = times.size, rank(times.size)
    low, high = (float(times[k - 1]), float(times[n - k])) if k else (None, None)
    return Figure(value=float(np.median(times)), low=low, high=high, n=n, what="times")

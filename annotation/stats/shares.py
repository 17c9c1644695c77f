"""Figures of shares from arrays: Wilson's interval at the effective sample size, as in `intervals`, but fast."""

from typing import Literal

import numpy as np

from annotation.stats.figures import Figure, not_enough
from annotation.stats.intervals import Interval, wilson
from annotation.stats.said import Floats, Whole

MINIMUM_GROUPS = 10  # below it the interval of a share is wider than half the scale, and a number misleads

Scale = Literal["share", "correlation"]


def by_cluster(clusters: Whole, *columns: Floats) -> list[Floats]:
    """Sums of each column (I,) by cluster (I,), such as the task, in their order."""
    _, places = np.unique(clusters, return_inverse=True)
    return [np.bincount(places, weights=column).astype(np.float64) for column in columns]


def clustered_share(
    successes: Floats,
    counts: Floats,
    *,
    what: str = "pairs",
    unit: str = "tasks",
    n: int | None = None,
    needed: int = MINIMUM_GROUPS,
    scale: Scale = "share",
) -> Figure:
    """Σ successes / Σ counts over groups that hang together, (G,) each, with Wilson's interval at the effective
    size (`intervals.clustered_wilson`). Groups of count 0 are left out. `n`: what the page counts, else Σ counts.
    `unit`: what the groups are, and so what is said to be missing where there are too few.

    Any outcome between 0 and 1 will do: it varies no more than a yes or no of the same mean, so the interval is not
    too narrow. A `correlation` from -1 to 1 is given as (1 + r) / 2 and comes back from -1 to 1.
    """
    filled = counts > 0
    groups = np.zeros(np.count_nonzero(filled), dtype=np.int64)
    found = grouped_shares(
        successes[filled], counts[filled], groups, number=1, what=what, unit=unit, needed=needed, scale=scale
    )[0]
    return found if n is None else Figure(**(found.as_dict() | {"n": n}))


def grouped_shares(
    successes: Floats,
    counts: Floats,
    groups: Whole,
    *,
    number: int,
    what: str = "pairs",
    unit: str = "tasks",
    needed: int = MINIMUM_GROUPS,
    scale: Scale = "share",
) -> list[Figure]:
    """A figure for each of `number` groups, to which `groups` (C,) assigns the clusters `successes` and `counts`."""

    def total(values: Floats) -> Floats:
        return summed(groups, values, size=number)

    n, right, filled = total(counts), total(successes), total((counts > 0).astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(right / n, 0.0, 1.0)
    spread = total(successes**2) - 2 * share * total(successes * counts) + share**2 * total(counts**2)
    return [
        _figure(
            share=float(share[g]), n=float(n[g]), clusters=int(filled[g]), spread=float(spread[g]),
            what=what, unit=unit, needed=needed, scale=scale,
        )
        for g in range(number)
    ]  # fmt: skip


def summed(places: Whole, values: Floats, *, size: int) -> Floats:
    """(size,): the sum of the values (…) that belong to each place."""
    return np.bincount(places.ravel(), weights=values.ravel(), minlength=size).astype(np.float64)


def effective_size(*, share: float, n: float, clusters: int, spread: float) -> float:
    """How many independent outcomes the clusters are worth, as `intervals.effective_size`: `spread` is
    Σ (s - p n)² over the clusters."""
    if clusters == 1 or share in (0, 1):
        return float(clusters)
    variance = clusters / (clusters - 1) * max(spread, 0.0) / (n * n)
    return min(n, share * (1 - share) / variance) if variance > 1e-15 else n


def _figure(
    *, share: float, n: float, clusters: int, spread: float, what: str, unit: str, needed: int, scale: Scale
) -> Figure:
    if clusters < max(needed, 1):
        return not_enough(n=clusters, needed=needed, what=unit)
    effective = effective_size(share=share, n=n, clusters=clusters, spread=spread)
    bounds = wilson(share * effective, effective)
    if scale == "correlation":
        share, bounds = 2 * share - 1, Interval(2 * bounds.low - 1, 2 * bounds.high - 1)
    return Figure(value=share, low=bounds.low, high=bounds.high, n=round(n), groups=clusters, what=what)

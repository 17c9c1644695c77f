"""Scores from best-worst scaling: of a few things people name the best and the worst."""

from dataclasses import dataclass

import numpy as np

from annotation.stats.figures import Figure
from annotation.stats.said import Floats, Whole
from annotation.stats.shares import grouped_shares, summed


@dataclass(frozen=True, kw_only=True)
class Scores:
    """`values`: (I,), -1 to 1, NaN for what never appeared; `figures`: one an item, on the same scale."""

    values: Floats
    figures: list[Figure]


def best_worst(items: Whole, *, best: Whole, worst: Whole, size: int, clusters: Whole | None = None) -> Scores:
    """(times best - times worst) / times shown (Orme, "MaxDiff analysis: simple counting", 2009; Kiritchenko and
    Mohammad, NAACL 2016). `items`: (N, K), of `size` things; -1 is none. `best`, `worst`: (N,). `clusters`: (N,),
    what hangs together: by default the judgements of the same K things."""
    shown = items >= 0
    if clusters is None:
        clusters = np.unique(np.sort(items, axis=1), axis=0, return_inverse=True)[1].ravel()
    said = (items == best[:, None]).astype(np.float64) - (items == worst[:, None])
    things, where = items[shown], np.broadcast_to(clusters[:, None], items.shape)[shown]
    number = int(clusters.max(initial=0)) + 1
    keys, places = np.unique(things * number + where, return_inverse=True)
    n = np.bincount(places).astype(np.float64)
    right = summed(places, (1 + said[shown]) / 2, size=keys.size)
    times = np.bincount(things, minlength=size)
    with np.errstate(invalid="ignore"):
        values = summed(things, said[shown], size=size) / np.where(times > 0, times, np.nan)
    # Fewer tuples than for other figures: scaling shows each thing in about eight.
    figures = grouped_shares(
        right, n, keys // number, number=size, what="tuples", unit="tuples", needed=5, scale="correlation"
    )
    return Scores(values=values, figures=figures)

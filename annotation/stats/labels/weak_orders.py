"""All orders with ties of a few answers, and what each says of every pair."""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np

from annotation.stats.said import Floats, Small
from annotation.stats.votes import OUTCOMES, TIE


@dataclass(frozen=True, kw_only=True)
class WeakOrders:
    """Of K answers. `ranks`: (O, K), tie groups from 0. `outcomes`: (O, P), what each order says of each pair i < j.
    `marks`: (O, 3 P), the same as a 1 in one of three columns a pair. `best`: (O, K), 1 for those in front."""

    ranks: Small
    outcomes: Small
    marks: Floats
    best: Floats


@cache
def weak_orders(size: int) -> WeakOrders:
    """The 3, 13, 75, 541 orders of 2, 3, 4, 5 answers (ordered Bell numbers, OEIS A000670)."""
    found = [ranks for ranks in product(range(size), repeat=size) if set(ranks) == set(range(max(ranks) + 1))]
    ranks = np.array(found, dtype=np.int8)
    outcomes = np.stack([TIE + np.sign(ranks[:, i] - ranks[:, j]) for i, j in combinations(range(size), 2)], axis=1)
    marks = np.eye(OUTCOMES)[outcomes].reshape(len(ranks), -1)
    return WeakOrders(ranks=ranks, outcomes=outcomes.astype(np.int8), marks=marks, best=(ranks == 0).astype(float))

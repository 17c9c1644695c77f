"""Votes on pairs as arrays: who said of which pair that its left side is better, its right one, or neither.

A pair has no natural left side. What is estimated from votes must say the same when a pair is turned round, so the
models that stand on this tie their parameters: "left although right is better" and "right although left is better"
are one number.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LEFT, TIE, RIGHT = 0, 1, 2
OUTCOMES = 3


@dataclass(frozen=True, kw_only=True)
class Votes:
    """`pairs`, `annotators`, `outcomes`: (V,), indices from 0 without gaps; an outcome is LEFT, TIE or RIGHT.
    `worth`: (V,), how many independent votes each one is: the comparisons of a ranking of K answers say no more than
    K - 1 of them, so each is worth 2/K. `names`: of the annotators, by index."""

    pairs: Whole
    annotators: Whole
    outcomes: Whole
    worth: Floats
    names: tuple[Hashable, ...]

    @property
    def number_of_pairs(self) -> int:
        return int(self.pairs.max(initial=-1)) + 1

    @property
    def shared(self) -> NDArray[np.bool_]:
        """(V,): True where somebody else voted on the pair, too; alone nobody agrees or disagrees."""
        voices = np.unique(self.pairs * len(self.names) + self.annotators)
        return np.bincount(voices // len(self.names), minlength=self.number_of_pairs)[self.pairs] > 1

    def only(self, kept: NDArray[np.bool_]) -> "Votes":
        """The votes where `kept` (V,) is True. Pairs without any are gone and the others renumbered in their order;
        annotators keep their indices."""
        _, pairs = np.unique(self.pairs[kept], return_inverse=True)
        return replace(
            self,
            pairs=pairs,
            annotators=self.annotators[kept],
            outcomes=self.outcomes[kept],
            worth=self.worth[kept],
        )

    def shares(self) -> Floats:
        """(P, 3): of the votes on each pair, the share of every outcome."""
        counts = np.bincount(self.pairs * OUTCOMES + self.outcomes, minlength=self.number_of_pairs * OUTCOMES)
        table = counts.reshape(-1, OUTCOMES)
        return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)


def of_lists(
    *,
    pairs: Sequence[Hashable],
    annotators: Sequence[Hashable],
    outcomes: Sequence[int],
    worth: Sequence[float] | None = None,
) -> Votes:
    """Votes from one entry per vote in each list; pairs and annotators get indices in order of first appearance.
    Without `worth` each vote is independent of the others.

    Raises:
        ValueError: lists of different lengths, no vote at all, or an outcome that is none.
    """
    if not len(pairs) == len(annotators) == len(outcomes) == len(outcomes if worth is None else worth):
        raise ValueError(f"{len(pairs)} pairs, {len(annotators)} annotators and {len(outcomes)} outcomes: one a vote")
    if not outcomes or not set(outcomes) <= {LEFT, TIE, RIGHT}:
        raise ValueError("expected at least one vote, and outcomes 0 (left), 1 (tie) or 2 (right)")
    names = tuple(dict.fromkeys(annotators))
    return Votes(
        pairs=indices(pairs, tuple(dict.fromkeys(pairs))),
        annotators=indices(annotators, names),
        outcomes=np.array(outcomes, dtype=np.int64),
        worth=np.ones(len(outcomes)) if worth is None else np.array(worth, dtype=np.float64),
        names=names,
    )


def indices(values: Sequence[Hashable], distinct: Sequence[Hashable]) -> Whole:
    place = {value: index for index, value in enumerate(distinct)}
    return np.array([place[value] for value in values], dtype=np.int64)

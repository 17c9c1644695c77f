"""Comparisons of policies, counted: who met whom on which task, and how often each came off better."""

from dataclasses import dataclass

import numpy as np

from annotation.stats.agreement.pairs import pair_counts
from annotation.stats.said import Floats, Said, Whole
from annotation.stats.shares import summed
from annotation.stats.votes import LEFT, OUTCOMES, RIGHT, TIE


@dataclass(frozen=True, kw_only=True)
class Matches:
    """`first`, `second`: (M,), indices of two different policies. `counts`: (M, 3), how much was said for the first,
    for neither, for the second; weighed votes make fractions. `clusters`: (M,), what hangs together, such as the
    task. `longer`: (M,), characters of the first answer less those of the second, NaN where unknown. `size`: how many
    policies there are."""

    first: Whole
    second: Whole
    counts: Floats
    clusters: Whole
    longer: Floats
    size: int

    @property
    def n(self) -> Floats:
        return np.asarray(self.counts.sum(axis=1))

    @property
    def score(self) -> Floats:
        """(M,): what the first one got, a tie being half."""
        return np.asarray(self.counts[:, LEFT] + self.counts[:, TIE] / 2)

    def table(self) -> Floats:
        """(P, P, 3): over all matches, the row being called the first."""
        cells = (self.first * self.size + self.second)[:, None] * OUTCOMES + np.arange(OUTCOMES)
        shape = (self.size, self.size, OUTCOMES)
        sums = summed(cells, self.counts, size=self.size**2 * OUTCOMES)
        found = sums.reshape(shape)
        return np.asarray(found + found.transpose(1, 0, 2)[:, :, [RIGHT, TIE, LEFT]])


def matches_of(said: Said, *, policies: Whole, size: int, lengths: Floats | None = None) -> Matches:
    """The judgements as comparisons: `policies` (T, K), who wrote the answer at each position, -1 for nobody known;
    `lengths` (T, K), in characters. Two answers of one policy say nothing of policies."""
    found = pair_counts(said)
    first, second = policies[found.tasks, found.first], policies[found.tasks, found.second]
    longer = np.full(len(found), np.nan)
    if lengths is not None:
        longer = lengths[found.tasks, found.first] - lengths[found.tasks, found.second]
    kept = (first >= 0) & (second >= 0) & (first != second)
    return Matches(
        first=first[kept].astype(np.int64),
        second=second[kept].astype(np.int64),
        counts=found.counts[kept].astype(np.float64),
        clusters=found.tasks[kept],
        longer=longer[kept],
        size=size,
    )

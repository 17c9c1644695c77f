"""How far each judgement agrees with what others said of its task: the stuff of figures by person and by time."""

from dataclasses import dataclass, replace

import numpy as np

from annotation.stats.agreement.pairs import NOBODY, outcomes, pair_counts
from annotation.stats.figures import Figure
from annotation.stats.said import Flags, Floats, Said, Small, Whole
from annotation.stats.shares import by_cluster, clustered_share, grouped_shares
from annotation.stats.votes import LEFT, OUTCOMES, RIGHT, TIE

# What another one's outcome (column) is worth to somebody's own (row).
CREDIT = np.zeros((OUTCOMES, OUTCOMES))
CREDIT[[LEFT, TIE, RIGHT], [LEFT, TIE, RIGHT]] = 1.0
CREDIT[[LEFT, RIGHT, TIE, TIE], [TIE, TIE, LEFT, RIGHT]] = 0.5


@dataclass(frozen=True, kw_only=True)
class Scores:
    """`right` of `n` for each judgement, (N,) each; n is 0 where there was nothing to compare it with. `tasks` (N,),
    whose judgements hang together. `needed`: how many clusters a figure takes at least."""

    tasks: Whole
    right: Floats
    n: Floats
    what: str = "judgements"
    needed: int = 10

    def figure(self, kept: Flags | None = None) -> Figure:
        """The share over all judgements, or those where `kept` (N,) is True; the interval draws tasks, for two who
        judge one answer the same of the same pairs. `n` counts judgements."""
        kept = self.n > 0 if kept is None else kept & (self.n > 0)
        right, n = by_cluster(self.tasks[kept], self.right[kept], self.n[kept])
        return clustered_share(right, n, n=int(np.count_nonzero(kept)), what=self.what, needed=self.needed)

    def by(self, groups: Whole, *, number: int) -> list[Figure]:
        """The share of each of `number` people: `groups` (N,). Nobody judges a task twice, so the interval draws
        judgements. `n` counts what was compared."""
        found = grouped_shares(
            self.right, self.n, groups, number=number, what=self.what, unit=self.what, needed=self.needed
        )
        return [figure if figure.value is None else replace(figure, what="comparisons") for figure in found]


def with_peers(said: Said) -> Scores:
    """Agreement of each judgement with each other one of its task, a tie against an order being half.

    Of a pair that n others ranked, of whom o say the opposite and t tie against an order (or order against a tie):
    n - o - t / 2, over all pairs; the count is Σ n.
    """
    counts = pair_counts(said)
    table = np.zeros((said.number_of_tasks, OUTCOMES))
    right, n = np.zeros(len(said)), np.zeros(len(said))
    for i, j, outcome in outcomes(said.ranks):
        rows = (counts.first == i) & (counts.second == j)
        table[:] = 0
        table[counts.tasks[rows]] = counts.counts[rows]
        kept = np.flatnonzero(outcome != NOBODY)
        others = table[said.tasks[kept]]  # (V, 3)
        others[np.arange(kept.size), outcome[kept]] -= 1
        credit = np.take(CREDIT, outcome[kept], axis=0)
        right[kept] += (others * credit).sum(axis=1)
        n[kept] += others.sum(axis=1)
    return Scores(tasks=said.tasks, right=right, n=n)


def of_two(first: Small, second: Small) -> tuple[Floats, Floats]:
    """Agreement of two rankings of the same answers, row by row, (N, K) each, such as of two people: how much of how
    many pairs, (N,) each."""
    right, n = np.zeros(len(first)), np.zeros(len(first))
    for (_, _, one), (_, _, other) in zip(outcomes(first), outcomes(second), strict=True):
        both = (one != NOBODY) & (other != NOBODY)
        right += np.where(both, CREDIT[np.where(both, one, 0), np.where(both, other, 0)], 0.0)
        n += both
    return right, n

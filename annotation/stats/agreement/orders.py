"""How alike two people order the answers of a task: Kendall's tau-b, and whether the same answer comes first."""

from collections.abc import Callable, Iterator

import numpy as np

from annotation.stats.agreement.pairs import NOBODY, outcomes
from annotation.stats.figures import Figure
from annotation.stats.said import UNRANKED, Flags, Floats, Said, Small, Whole
from annotation.stats.shares import Scale, clustered_share, summed
from annotation.stats.votes import TIE


def couples(tasks: Whole) -> Iterator[tuple[Whole, Whole]]:
    """All two rows of one task, each once: arrays of the one's and the other's index, in portions of at most N."""
    order = np.argsort(tasks, kind="stable")
    ordered = tasks[order]
    for apart in range(1, tasks.size):
        same = ordered[apart:] == ordered[:-apart]
        if not same.any():  # the rows of a task stand together
            return
        yield order[:-apart][same], order[apart:][same]


def tau_b(said: Said) -> Figure:
    """Mean over all two people and tasks of Kendall's tau-b of what both ranked.

    Σ s s' / sqrt(Σ s² Σ s'²) over pairs of answers, s and s' being 1, 0 or -1 as the one and the other order it
    (Kendall, Biometrika 33(3), 1945). Who ties everything has none and is left out. `n` counts comparisons of two
    people; the interval draws tasks.
    """
    signs = np.stack([np.where(found == NOBODY, 0, found - TIE) for _, _, found in outcomes(said.ranks)], axis=1)
    known = np.stack([found != NOBODY for _, _, found in outcomes(said.ranks)], axis=1)

    def of(one: Whole, other: Whole) -> Floats:
        product = (signs[one] * signs[other]).sum(axis=1, dtype=np.float64)
        first = (np.abs(signs[one]) * known[other]).sum(axis=1, dtype=np.float64)
        second = (np.abs(signs[other]) * known[one]).sum(axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return np.asarray((1 + product / np.sqrt(first * second)) / 2, dtype=np.float64)

    return _mean(said, of, scale="correlation")


def top_1(said: Said) -> Figure:
    """Mean over all two people and tasks of whether they put the same answer first, of those that both ranked.

    Where somebody ties for the first place: the answers that both put first, of those that either did. 1 for the same
    ones, as much less as one is more generous than the other.
    """

    def of(one: Whole, other: Whole) -> Floats:
        both = (said.ranks[one] != UNRANKED) & (said.ranks[other] != UNRANKED)
        first, second = _best(said.ranks[one], among=both), _best(said.ranks[other], among=both)
        either = (first | second).sum(axis=1)
        alike = (first & second).sum(axis=1) / np.maximum(either, 1)
        return np.where(both.sum(axis=1) > 1, alike, np.nan)

    return _mean(said, of, scale="share")


def _best(ranks: Small, *, among: Flags) -> Flags:
    highest = np.iinfo(ranks.dtype).max
    kept = np.where(among, ranks, highest)
    return np.asarray((kept == kept.min(axis=1, keepdims=True)) & among)


def _mean(said: Said, of: Callable[[Whole, Whole], Floats], *, scale: Scale) -> Figure:
    """Over couples of rows with a value, clustered by task; summed as they come, for there are more than memory has
    room for."""
    right, n = np.zeros(said.number_of_tasks), np.zeros(said.number_of_tasks)
    for one, other in couples(said.tasks):
        values = of(one, other)
        kept = ~np.isnan(values)
        tasks = said.tasks[one[kept]]
        right += summed(tasks, values[kept], size=right.size)
        n += np.bincount(tasks, minlength=n.size)
    return clustered_share(right, n, what="comparisons", scale=scale)

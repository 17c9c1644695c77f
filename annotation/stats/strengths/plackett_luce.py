"""Strengths of policies from whole rankings: each place is a choice among those that are left.

    P(ranking) = Π over places of exp(θ of the chosen) / Σ exp(θ of those that are left)

(Luce 1959; Plackett, Applied Statistics 24(2), 1975.) Tied answers leave one after the other in no known order; of
those in a group, shares of exp(θ) leave the sum evenly (Efron, JASA 72, 1977, for ties in time). Standard errors let
the rankings of one task, or of what else is said to hang together, do so.

Rankings that are equal are looked at once and counted: a million of four answers by six policies are some thousands.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from annotation.stats.said import UNRANKED, Flags, Floats, Said, Small, Whole
from annotation.stats.shares import summed
from annotation.stats.strengths import fits
from annotation.stats.strengths.fits import Strengths


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One choice in some of the rankings: `rows` (R,) of them, and the `share` (R, K) of exp(θ) that each of their
    answers still has."""

    rows: Whole
    share: Floats


@dataclass(frozen=True, kw_only=True)
class Rankings:
    """Different ones: `writers`: (U, K), of each answer; `weight`: (U,), of all that are equal; `chosen`: (U, K), in
    how many stages each answer is."""

    writers: Whole
    weight: Floats
    chosen: Floats
    stages: list[Stage]


def plackett_luce(
    said: Said, *, policies: Whole, size: int, weights: Floats | None = None, clusters: Whole | None = None
) -> Strengths:
    """The strengths of all `size` policies: `policies` (T, K), who wrote the answer at each position, -1 for nobody
    known, whose answers are left out. `weights`: (N,), what each judgement counts. `clusters`: (T,), what the tasks
    belong to that hang together; without them each task is by itself.

    Raises:
        NotComparable: some policies were never compared with the others, even through others.
        NoFit: Newton's steps did not settle.
    """
    if weights is not None:
        said, weights = said.only(weights > 0), weights[weights > 0]
    weight = np.ones(len(said)) if weights is None else weights
    patterns, ranks, place = _different(said, policies=policies)
    ranked = ranks != UNRANKED
    told = ranked.sum(axis=1) > 1
    counted = np.bincount(place, weights=weight, minlength=len(ranks)) * told
    table = _table(patterns, ranks=ranks, weight=counted, size=size)
    fits.require_met(table > 0)
    separated = not fits.is_connected(table)
    prior = ((table + table.T) > 0) & separated
    rankings = Rankings(writers=patterns, weight=counted, chosen=_chosen(ranks), stages=list(_stages(ranks)))

    def step(at: Floats) -> tuple[Floats, Floats]:
        return _step(at, rankings=rankings, prior=prior)

    found = fits.newton(np.zeros(size), step)
    row, column = np.nonzero((ranked & told[:, None])[place])
    writers, scores = (
        patterns[place[row], column],
        _scores(found, rankings=rankings)[place[row], column] * weight[row],
    )
    together = said.tasks[row] if clusters is None else clusters[said.tasks[row]]
    meat = fits.clustered_meat(together, writers, scores, size=size)
    bread = np.linalg.inv(step(found)[1])
    return fits.described(
        found,
        bread @ meat @ bread,
        n=np.bincount(writers, minlength=size).astype(np.float64),
        groups=fits.groups_of(writers, together, size=size),
        separated=separated,
        what="rankings",
    )


def _different(said: Said, *, policies: Whole) -> tuple[Whole, Small, Whole]:
    """The different rankings: who wrote their answers (U, K), and their ranks (U, K), UNRANKED for those of nobody;
    and which of them each judgement is (N,)."""
    writers = policies.astype(np.int32)[said.tasks]
    left_out = (writers < 0) | (said.ranks == UNRANKED)
    rows = np.hstack([np.where(left_out, 0, writers), np.where(left_out, UNRANKED, said.ranks)])
    different, place = np.unique(rows, axis=0, return_inverse=True)
    size = said.ranks.shape[1]
    return different[:, :size].astype(np.int64), different[:, size:].astype(np.int8), place.ravel()


def _stages(ranks: Small) -> Iterator[Stage]:
    """One a place, of groups as many as they have answers. Where one answer is left nothing is chosen."""
    for rank in range(int(ranks.max(initial=-1)) + 1):
        group, behind = ranks == rank, ranks > rank
        tied = group.sum(axis=1)
        chosen = (tied > 0) & ((tied > 1) | behind.any(axis=1))
        for gone in range(int(tied.max(initial=0))):
            rows = np.flatnonzero(chosen & (gone < tied))
            left = 1 - gone / tied[rows, None]
            yield Stage(rows=rows, share=np.where(group[rows], left, behind[rows]))


def _chosen(ranks: Small) -> Floats:
    """(N, K): in how many stages each answer is chosen, those of a group together in as many as they are."""
    last = ranks == ranks.max(axis=1, keepdims=True)
    return np.asarray((ranks != UNRANKED) & ~(last & (last.sum(axis=1, keepdims=True) == 1)), dtype=np.float64)


def _scores(at: Floats, *, rankings: Rankings) -> Floats:
    """(U, K): of one of each ranking the gradient of its log-likelihood in the strength of each of its answers."""
    total = rankings.chosen.copy()
    for stage in rankings.stages:
        total[stage.rows] -= _likely(at, writers=rankings.writers[stage.rows], share=stage.share)
    return total


def _step(at: Floats, *, rankings: Rankings, prior: Flags) -> tuple[Floats, Floats]:
    """Gradient (P,) and information (P, P); the mean of θ is held at 0 by a term that does not touch differences."""
    size = at.size
    scores = _scores(at, rankings=rankings) * rankings.weight[:, None]
    gradient = summed(rankings.writers, scores, size=size)
    information = np.zeros((size, size))
    for stage in rankings.stages:
        writers, weight = rankings.writers[stage.rows], rankings.weight[stage.rows]
        likely = _likely(at, writers=writers, share=stage.share)
        information += np.diag(summed(writers, likely * weight[:, None], size=size))
        for column in range(writers.shape[1]):
            product = likely * (likely[:, column] * weight)[:, None]
            information -= summed(writers * size + writers[:, [column]], product, size=size**2).reshape(size, size)
    # Where somebody never lost or never won: half a comparison each way of every two that met.
    p = fits.logistic(at[:, None] - at[None, :])
    gradient = gradient + (prior * (0.5 - p)).sum(axis=1)
    spread = prior * p * (1 - p)
    return gradient - at.mean(), information + np.diag(spread.sum(axis=1)) - spread + 1 / size


def _likely(at: Floats, *, writers: Whole, share: Floats) -> Floats:
    """(R, K): who is chosen with which probability."""
    strength = share * np.exp(at)[writers]
    return np.asarray(strength / strength.sum(axis=1, keepdims=True))


def _table(writers: Whole, *, ranks: Small, weight: Floats, size: int) -> Floats:
    """(P, P): the weight of rankings in which the one stood before the other or beside it."""
    table = np.zeros(size * size)
    for i, j in permutations(range(ranks.shape[1]), 2):
        before = (ranks[:, i] != UNRANKED) & (ranks[:, j] != UNRANKED) & (ranks[:, i] <= ranks[:, j])
        table += summed(writers[:, i] * size + writers[:, j], weight * before, size=size * size)
    return table.reshape(size, size) * ~np.eye(size, dtype=bool)

"""Strengths of policies from whole rankings: each place is a choice among those that are left.

    P(ranking) = Π over places of exp(θ of the chosen) / Σ exp(θ of those that are left)

(Luce 1959; Plackett, Applied Statistics 24(2), 1975.) Tied answers leave one after the other in no known order; of
those in a group, shares of exp(θ) leave the sum evenly (Efron, JASA 72, 1977, for ties in time). Standard errors let
the rankings of one task hang together.
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
    """`writers`: (N, K), of each answer; `weight`: (N,); `chosen`: (N, K), in how many stages each answer is."""

    writers: Whole
    weight: Floats
    chosen: Floats
    stages: list[Stage]


def plackett_luce(said: Said, *, policies: Whole, size: int, weights: Floats | None = None) -> Strengths:
    """The strengths of all `size` policies: `policies` (T, K), who wrote the answer at each position, -1 for nobody
    known, whose answers are left out. `weights`: (N,), what each judgement counts.

    Raises:
        NotComparable: some policies were never compared with the others, even through others.
        NoFit: Newton's steps did not settle.
    """
    writers = policies[said.tasks]  # (N, K)
    ranks = np.where(writers < 0, UNRANKED, said.ranks).astype(np.int8)
    ranked = ranks != UNRANKED
    weight = (np.ones(len(said)) if weights is None else weights) * (ranked.sum(axis=1) > 1)
    writers = np.where(ranked, writers, 0)
    table = _table(writers, ranks=ranks, weight=weight, size=size)
    fits.require_met(table > 0)
    separated = not fits.is_connected(table)
    prior = ((table + table.T) > 0) & separated
    rankings = Rankings(writers=writers, weight=weight, chosen=_chosen(ranks), stages=list(_stages(ranks)))

    def step(at: Floats) -> tuple[Floats, Floats]:
        return _step(at, rankings=rankings, prior=prior)

    found = fits.newton(np.zeros(size), step)
    scores = _scores(found, rankings=rankings)
    used = ranked & (weight > 0)[:, None]
    tasks = np.broadcast_to(said.tasks[:, None], ranks.shape)[used]
    meat = fits.clustered_meat(tasks, writers[used], scores[used], size=size)
    bread = np.linalg.inv(step(found)[1])
    return fits.described(
        found,
        bread @ meat @ bread,
        n=np.bincount(writers[used], minlength=size).astype(np.float64),
        groups=fits.groups_of(writers[used], tasks, size=size),
        separated=separated,
    )


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
    """(N, K): of each ranking the gradient of its log-likelihood in the strength of each of its answers."""
    total = rankings.chosen.copy()
    for stage in rankings.stages:
        total[stage.rows] -= _likely(at, writers=rankings.writers[stage.rows], share=stage.share)
    return total * rankings.weight[:, None]


def _step(at: Floats, *, rankings: Rankings, prior: Flags) -> tuple[Floats, Floats]:
    """Gradient (P,) and information (P, P); the mean of θ is held at 0 by a term that does not touch differences."""
    size = at.size
    gradient = summed(rankings.writers, _scores(at, rankings=rankings), size=size)
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

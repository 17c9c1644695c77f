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
    """One choice in each ranking. `share`: (N, K), of exp(θ) that each answer still has, all 0 where nothing is
    chosen. `chosen`: (N, K), 1 for whoever is, shared by those who are tied."""

    share: Floats
    chosen: Floats


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
    stages = list(_stages(ranks))

    def step(at: Floats) -> tuple[Floats, Floats]:
        return _step(at, writers=writers, stages=stages, weight=weight, prior=prior)

    found = fits.newton(np.zeros(size), step)
    scores = _scores(found, writers=writers, stages=stages) * weight[:, None]
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
    """One a place, of groups as many as they have answers."""
    for rank in range(int(ranks.max(initial=-1)) + 1):
        group, behind = ranks == rank, ranks > rank
        tied = np.maximum(group.sum(axis=1, keepdims=True), 1)
        alone = (tied == 1) & ~behind.any(axis=1, keepdims=True)
        for gone in range(int(tied.max(initial=0))):
            choosing = group.any(axis=1, keepdims=True) & (gone < tied) & ~alone
            yield Stage(
                share=np.where(group, 1 - gone / tied, behind) * choosing,
                chosen=np.where(group, 1 / tied, 0.0) * choosing,
            )


def _scores(at: Floats, *, writers: Whole, stages: list[Stage]) -> Floats:
    """(N, K): of each ranking the gradient of its log-likelihood in the strength of each of its answers."""
    total = np.zeros(writers.shape)
    for stage in stages:
        total += stage.chosen - _likely(at, writers=writers, stage=stage)
    return total


def _step(at: Floats, *, writers: Whole, stages: list[Stage], weight: Floats, prior: Flags) -> tuple[Floats, Floats]:
    """Gradient (P,) and information (P, P); the mean of θ is held at 0 by a term that does not touch differences."""
    size = at.size
    scores = _scores(at, writers=writers, stages=stages) * weight[:, None]
    gradient = summed(writers, scores, size=size)
    information = np.zeros((size, size))
    for stage in stages:
        likely = _likely(at, writers=writers, stage=stage)
        information += np.diag(summed(writers, likely * weight[:, None], size=size))
        for column in range(writers.shape[1]):
            product = likely * (likely[:, column] * weight)[:, None]
            information -= summed(writers * size + writers[:, [column]], product, size=size**2).reshape(size, size)
    # Where somebody never lost or never won: half a comparison each way of every two that met.
    p = fits.logistic(at[:, None] - at[None, :])
    gradient = gradient + (prior * (0.5 - p)).sum(axis=1)
    spread = prior * p * (1 - p)
    return gradient - at.mean(), information + np.diag(spread.sum(axis=1)) - spread + 1 / size


def _likely(at: Floats, *, writers: Whole, stage: Stage) -> Floats:
    """(N, K): who is chosen with which probability; 0 where nothing is."""
    strength = stage.share * np.exp(at[writers])
    sums = strength.sum(axis=1, keepdims=True)
    return np.asarray(strength / np.where(sums > 0, sums, 1.0))


def _table(writers: Whole, *, ranks: Small, weight: Floats, size: int) -> Floats:
    """(P, P): the weight of rankings in which the one stood before the other or beside it."""
    table = np.zeros(size * size)
    for i, j in permutations(range(ranks.shape[1]), 2):
        before = (ranks[:, i] != UNRANKED) & (ranks[:, j] != UNRANKED) & (ranks[:, i] <= ranks[:, j])
        table += summed(writers[:, i] * size + writers[:, j], weight * before, size=size * size)
    return table.reshape(size, size) * ~np.eye(size, dtype=bool)

"""What the fits of strengths share: when there is one, its standard errors by cluster, and its places."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from annotation.stats.figures import Figure, not_enough
from annotation.stats.intervals import CONFIDENCE
from annotation.stats.resampling import CELLS
from annotation.stats.said import Flags, Floats, Whole
from annotation.stats.shares import MINIMUM_GROUPS, summed

STEPS, TOLERANCE = 100, 1e-9
DRAWS, SEED = 2000, 21  # of places; a percentile of 2,000 is certain to half a percent
QUANTILE = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class NotComparable(ValueError):
    """Some policies were never compared with the others, directly or through others."""


class NoFit(ArithmeticError):
    """Newton's steps did not settle."""


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """`values`: (P,), log-odds to come off better than another, mean 0. `covariance`: (P, P). `figures`: one each.
    `places`: the lowest and highest of each policy's place, 1 being the best, within 95 %. `separated`: some policy
    never lost or never won, so that the numbers lean on half a comparison each way that was added to every two that
    met, and would grow without end else."""

    values: Floats
    covariance: Floats
    figures: list[Figure]
    places: list[tuple[int, int]]
    separated: bool


def newton(start: Floats, step: Callable[[Floats], tuple[Floats, Floats]]) -> Floats:
    """The parameters at which the gradient vanishes; `step` gives it and the information (Q, Q), which is positive.
    A step is cut to length 2 at most, for log-odds beyond that are far away.

    Raises:
        NoFit: the steps did not settle.
    """
    found, longest = start, 0.0
    for _ in range(STEPS):
        gradient, information = step(found)
        move = np.linalg.solve(information, gradient)
        longest = float(np.abs(move).max(initial=0.0))
        found = np.asarray(found + move * min(1.0, 2.0 / max(longest, 1e-300)))
        if longest < TOLERANCE:
            return found
    raise NoFit(f"strengths still moved by {longest:.1e} after {STEPS} steps")


def clustered_meat(clusters: Whole, parameters: Whole, scores: Floats, *, size: int) -> Floats:
    """(Q, Q): Σ over clusters of the outer product of their scores, the middle of the sandwich (Liang and Zeger,
    Biometrika 73(1), 1986), with C / (C - 1). `clusters` (numbers without great gaps), `parameters` and `scores`: one
    an entry, in any order."""
    number = int(np.count_nonzero(np.bincount(clusters)))
    portion = max(CELLS // size, 1)
    meat = np.zeros((size, size))
    for start in range(0, int(clusters.max(initial=-1)) + 1, portion):
        here = (clusters >= start) & (clusters < start + portion)
        cells = (clusters[here] - start) * size + parameters[here]
        sums = summed(cells, scores[here], size=portion * size).reshape(-1, size)
        meat += sums.T @ sums
    return meat * number / max(number - 1, 1)


def is_connected(beats: Floats) -> bool:
    """Whether from each policy a chain of wins leads to each other one: then, and only then, the likelihood has a
    greatest value (Ford, American Mathematical Monthly 64(8), 1957). `beats`: (P, P), 0 for never."""
    return bool(reachable(beats > 0).all())


def require_met(met: Flags) -> None:
    """See to it that comparisons link every policy to every other one.

    Raises:
        NotComparable: they do not.
    """
    linked = reachable(met | met.T)
    if not linked.all():
        apart = int((~linked[0]).sum()) or 1
        raise NotComparable(
            f"{apart} of {len(met)} policies were never compared with the others, even through others"
        )


def reachable(links: Flags) -> Flags:
    """(P, P): whether steps along links lead from one to the other."""
    found = links | np.eye(len(links), dtype=bool)
    for _ in range(max(len(links).bit_length(), 1)):
        found = (found.astype(np.float64) @ found.astype(np.float64)) > 0
    return found


def described(
    values: Floats,
    covariance: Floats,
    *,
    n: Floats,
    groups: Whole,
    separated: bool,
    what: str = "comparisons",
) -> Strengths:
    errors = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    return Strengths(
        values=values,
        covariance=covariance,
        figures=[
            strength_figure(float(values[p]), float(errors[p]), n=float(n[p]), groups=int(groups[p]), what=what)
            for p in range(values.size)
        ],
        places=places_of(values, covariance),
        separated=separated,
    )


def strength_figure(value: float, error: float, *, n: float, groups: int, what: str) -> Figure:
    if groups < MINIMUM_GROUPS:
        return not_enough(n=groups, needed=MINIMUM_GROUPS, what="prompts")
    low, high = value - QUANTILE * error, value + QUANTILE * error
    return Figure(value=value, low=low, high=high, n=round(n), groups=groups, what=what)


def places_of(values: Floats, covariance: Floats) -> list[tuple[int, int]]:
    """Where each policy stands in 95 % of draws from the normal distribution of the strengths."""
    drawn = np.random.default_rng(SEED).multivariate_normal(values, covariance, size=DRAWS, method="eigh")
    places = np.argsort(np.argsort(-drawn, axis=1), axis=1) + 1
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(places, [tail, 1 - tail], axis=0, method="nearest")
    return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]


def groups_of(policies: Whole, clusters: Whole, *, size: int) -> Whole:
    """(P,): in how many different clusters each policy stood."""
    number = int(clusters.max(initial=0)) + 1
    return np.bincount(np.unique(policies * number + clusters) // number, minlength=size)


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float64)

"""Win rates of policies: as they are, and as they would be if all answers were equally long."""

import numpy as np

from annotation.stats.figures import Figure, not_enough
from annotation.stats.said import Flags, Floats, Whole
from annotation.stats.shares import MINIMUM_GROUPS, grouped_shares, summed
from annotation.stats.strengths import fits
from annotation.stats.strengths.matches import Matches

RIDGE = 0.01  # of a comparison: keeps finite what separates the data, and moves nothing else
NO_LENGTHS = "the lengths of the answers are not known"

Design = tuple[Whole, Whole, Floats]  # the first policy, the second, and how much longer the first answer is


def win_rates(matches: Matches) -> list[Figure]:
    """For each policy the share of its comparisons that it won, a tie being half; those of one task are a cluster."""
    policies = np.concatenate([matches.first, matches.second])
    clusters = np.tile(matches.clusters, 2)
    right = np.concatenate([matches.score, matches.n - matches.score])
    keys, places = np.unique(policies * (clusters.max(initial=0) + 1) + clusters, return_inverse=True)
    return grouped_shares(
        summed(places, right, size=keys.size),
        summed(places, np.tile(matches.n, 2), size=keys.size),
        keys // (clusters.max(initial=0) + 1),
        number=matches.size,
        what="comparisons",
        unit="prompts",
        needed=MINIMUM_GROUPS,
    )


def length_controlled(matches: Matches) -> list[Figure]:
    """The win rate of each policy against those that it met, as often as it met them, had all answers been as long.

    P(first better) = σ(θ_i - θ_j + γ tanh(Δ / s)), a tie being half of each, Δ the difference of the lengths and s
    its root mean square; the rate is the mean of σ(θ_i - θ_j) (Dubois, Galambosi, Liang and Hashimoto,
    "Length-Controlled AlpacaEval", 2404.04475, there with a term for each instruction, too). Fitted by Newton's
    method, intervals by the delta method from standard errors by task.

    Raises:
        NotComparable: some policies were never compared with the others, even through others.
        NoFit: Newton's steps did not settle.
    """
    known = ~np.isnan(matches.longer) & (matches.n > 0)
    if not known.any():
        return [Figure(value=None, what="comparisons", missing=NO_LENGTHS)] * matches.size
    design, n, score = _design(matches, known=known), matches.n[known], matches.score[known]
    met = matches.table().sum(axis=2)
    fits.require_met(met > 0)
    found = fits.newton(np.zeros(matches.size + 1), lambda at: _step(at, design=design, n=n, score=score))
    residual = score - n * fits.logistic(_predicted(found, design=design))
    meat = fits.clustered_meat(
        np.tile(matches.clusters[known], 3),
        np.concatenate([design[0], design[1], np.full(n.size, matches.size)]),
        np.concatenate([residual, -residual, residual * design[2]]),
        size=matches.size + 1,
    )
    bread = np.linalg.inv(_step(found, design=design, n=n, score=score)[1])
    covariance = (bread @ meat @ bread)[:-1, :-1]
    both = np.concatenate([matches.first[known], matches.second[known]])
    groups = fits.groups_of(both, np.tile(matches.clusters[known], 2), size=matches.size)
    return [
        _rate(p, strengths=found[:-1], covariance=covariance, met=met[p], groups=int(groups[p]))
        for p in range(matches.size)
    ]


def _design(matches: Matches, *, known: Flags) -> Design:
    longer = matches.longer[known]
    spread = float(np.sqrt(np.mean(longer**2))) or 1.0
    return matches.first[known], matches.second[known], np.tanh(longer / spread)


def _predicted(at: Floats, *, design: Design) -> Floats:
    first, second, longer = design
    return np.asarray(at[first] - at[second] + at[-1] * longer)


def _step(at: Floats, *, design: Design, n: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Gradient and information in θ and γ; a weak prior on both, worth RIDGE of a comparison, keeps what separates
    finite, and the mean of θ is held at 0."""
    first, second, longer = design
    size = at.size - 1
    p = fits.logistic(_predicted(at, design=design))
    residual, spread = score - n * p, n * p * (1 - p)
    gradient = np.zeros(size + 1)
    gradient[:size] = summed(first, residual, size=size) - summed(second, residual, size=size)
    gradient[size] = residual @ longer
    table = summed(first * size + second, spread, size=size * size).reshape(size, size)
    table = table + table.T
    cross = summed(first, spread * longer, size=size) - summed(second, spread * longer, size=size)
    information = np.zeros((size + 1, size + 1))
    information[:size, :size] = np.diag(table.sum(axis=1)) - table + 1 / size
    information[:size, size] = information[size, :size] = cross
    information[size, size] = spread @ longer**2
    gradient[:size] -= at[:size].mean()
    return gradient - RIDGE * at, information + RIDGE * np.eye(size + 1)


def _rate(policy: int, *, strengths: Floats, covariance: Floats, met: Floats, groups: int) -> Figure:
    if groups < MINIMUM_GROUPS:
        return not_enough(n=groups, needed=MINIMUM_GROUPS, what="tasks")
    p = fits.logistic(strengths[policy] - strengths)
    share = met / met.sum()
    slope = -share * p * (1 - p)
    slope[policy] -= slope.sum()
    value = float(share @ p)
    error = float(np.sqrt(max(slope @ covariance @ slope, 0.0)))
    # On the scale of log-odds, so that the interval stays between 0 and 1.
    centre, wide = np.log(value / (1 - value)), fits.QUANTILE * error / (value * (1 - value))
    low, high = (float(fits.logistic(centre + side * wide)) for side in (-1, 1))
    return Figure(value=value, low=low, high=high, n=round(float(met.sum())), groups=groups, what="comparisons")

"""Confidence intervals of a share, with and without repeated judgements of one thing. Standard library only:
the web process loads this."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    low: float
    high: float


class Cluster(NamedTuple):
    """What belongs together, such as all judgements of one prompt: `successes` out of `n`; half ones allowed."""

    successes: float
    n: int


def wilson(successes: float, n: float, *, confidence: float = CONFIDENCE) -> Interval:
    """Score interval of a share, never outside 0 to 1 and never of zero width (Wilson, JASA 22, 1927).

    With p = successes / n and z the two-sided normal quantile:
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).

    Raises:
        ValueError: n is not positive, or successes are not between 0 and n.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes out of {n}: expected 0 <= successes <= n and n > 0")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    margin = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Interval(max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale))


def clustered_wilson(clusters: Sequence[Cluster], *, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval at the effective sample size, for judgements that come in clusters (Dean and Pagano, Journal
    of Survey Statistics and Methodology 3, 2015). Deterministic, and of honest width when every outcome is the same,
    where a bootstrap collapses to a point.

    Raises:
        ValueError: no cluster with n > 0.
    """
    n = sum(cluster.n for cluster in clusters)
    successes = sum(cluster.successes for cluster in clusters)
    effective = effective_size(clusters)
    return wilson(successes / n * effective, effective, confidence=confidence)


def student(freedom: float, *, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's distribution by its expansion around the normal one (Abramowitz and Stegun,
    *Handbook of Mathematical Functions*, 1964, 26.7.5): from 5 degrees of freedom on it is right to 0.1 %."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def effective_size(clusters: Sequence[Cluster]) -> float:
    """How many independent outcomes the clusters are worth: p(1-p) / V, at most n.

    V = C/(C-1) Σ_c (s_c - p n_c)² / n² is the variance of the ratio p = Σ s_c / Σ n_c over C clusters. Where p is 0
    or 1 it says nothing, and each cluster counts as one outcome.
    """
    filled = [cluster for cluster in clusters if cluster.n > 0]
    n = sum(cluster.n for cluster in filled)
    if not filled:
        raise ValueError("no outcome: an interval needs at least one")
    share = sum(cluster.successes for cluster in filled) / n
    if len(filled) == 1 or share in (0, 1):
        return float(len(filled))
    spread = sum((cluster.successes - share * cluster.n) ** 2 for cluster in filled)
    variance = len(filled) / (len(filled) - 1) * spread / (n * n)
    return min(n, share * (1 - share) / variance) if variance > 0 else float(n)

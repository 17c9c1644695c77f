"""How often a perfect predictor of what most people say would agree with one more person."""

from math import exp, lgamma, pi, sqrt

from annotation.stats.agreement.pairs import PairCounts, strict_agreement
from annotation.stats.figures import Figure


def ceiling(counts: PairCounts) -> Figure:
    """E[max(p, 1 - p)], p being the share of all people who prefer the first answer of a pair, from how often two
    people agree, A = E[p² + (1 - p)²].

    That alone bounds it between A and (1 + √(2A - 1)) / 2. Where p varies over pairs as Beta(a, a), A = (a + 1) /
    (2a + 1) gives a, and the ceiling is 1/2 + 1 / (2 a B(1/2, a)). Counting how often the majority of few votes is
    right would be too high with its own votes, and too low with held-out ones, for a majority of few is often wrong.
    The interval is that of A; ties are left out, as where a model is tested.
    """
    alike = strict_agreement(counts)
    if alike.value is None or alike.low is None or alike.high is None:
        return alike
    value, low, high = (of_agreement(found) for found in (alike.value, alike.low, alike.high))
    return Figure(value=value, low=low, high=high, n=alike.n, groups=alike.groups, what=alike.what)


def of_agreement(agreement: float) -> float:
    """The ceiling that goes with a share of agreement; 1/2 where that is no more than chance gives."""
    if agreement <= 0.5:
        return 0.5
    if agreement >= 1:
        return 1.0
    a = (1 - agreement) / (2 * agreement - 1)
    # Stirling's limit 1 / B(1/2, a) = √(a / π) where the difference of two logarithms would lose its digits.
    over_beta = sqrt(a / pi) if a > 1e7 else exp(lgamma(a + 0.5) - lgamma(0.5) - lgamma(a))
    return 0.5 + over_beta / (2 * a)

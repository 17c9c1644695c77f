"""The rubric's mean over answers, with its uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean, stdev

from flywheel.demo import rubric

NORMAL_95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class Mean:
    """`low` and `high`: a 95 % interval over prompts, normal approximation."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f} (95 % interval {self.low:.2f} to {self.high:.2f}, n = {self.n})"


def mean(values: Sequence[float]) -> Mean:
    """
    Raises:
        ValueError: fewer than two values, of which nobody knows how they vary.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} values: a mean with an interval needs at least two")
    margin = NORMAL_95 * stdev(values) / sqrt(len(values))
    centre = fmean(values)
    return Mean(value=centre, low=centre - margin, high=centre + margin, n=len(values))


def mean_score(answers: Sequence[tuple[str, str]]) -> Mean:
    """Of (question, answer) pairs, each of a prompt of its own."""
    return mean([rubric.score(question, answer).total for question, answer in answers])

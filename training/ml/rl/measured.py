"""What a policy is at one point of its way: rewards, distance from the base, variety. Torch-free.

    KL  k1 = Σ_t log π(t) - log π₀(t)          k3 = Σ_t exp(-d_t) - 1 + d_t,  d_t = log π(t) - log π₀(t)

of answers drawn from π, in nats an answer; both are unbiased, k3 is never negative and varies less
(joschu.net/blog/kl-approx). distinct-n = distinct n-grams / n-grams of all answers together (Li et al. 2016,
1510.03055); repetition = share of an answer's 4-grams that stood in it before, the mean over answers. n-grams are of
tokens, the end token left out; lengths are of all tokens that were drawn.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np

from training.exceptions import RunFailed

REPEATED = 4  # tokens of an n-gram that is looked for again

Numbers = Sequence[float]  # one a token


class Answered(Protocol):
    """A rollout."""

    @property
    def answer(self) -> Sequence[int]: ...

    @property
    def ended(self) -> bool: ...


class Judged(Protocol):
    """A verdict."""

    @property
    def reward(self) -> float: ...

    @property
    def score(self) -> float: ...

    @property
    def spread(self) -> float: ...

    @property
    def cut(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Means over `n` answers. `kl` and `kl3`: nats an answer; `entropy`: nats a token; `length`: tokens; `ended` and
    `cut`: shares; `score_std` and `gold_std`: of single answers."""

    n: int
    score: float
    score_std: float
    reward: float
    gold: float | None
    gold_std: float | None
    spread: float
    kl: float
    kl3: float
    entropy: float
    length: float
    ended: float
    cut: float
    repetition: float
    distinct_1: float
    distinct_2: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def of(
    rollouts: Sequence[Answered],
    verdicts: Sequence[Judged],
    *,
    log_probs: Sequence[Numbers],
    reference: Sequence[Numbers],
    entropies: Sequence[Numbers],
    gold: Numbers | None = None,
) -> Measured:
    """`log_probs`, `reference` and `entropies`: of every token of each answer, by the policy, the base and the
    policy, at the temperature of sampling. `gold`: the held-out reward of each answer.

    Raises:
        RunFailed: a number is none.
    """
    apart = [np.subtract(ours, base) for ours, base in zip(log_probs, reference, strict=True)]
    scores = [verdict.score for verdict in verdicts]
    words = [words_of(rollout) for rollout in rollouts]
    found = Measured(
        n=len(rollouts),
        score=mean(scores),
        score_std=statistics.pstdev(scores),
        reward=mean(verdict.reward for verdict in verdicts),
        gold=None if gold is None else mean(gold),
        gold_std=None if gold is None else statistics.pstdev(gold),
        spread=mean(verdict.spread for verdict in verdicts),
        kl=mean(float(difference.sum()) for difference in apart),
        kl3=mean(float((np.expm1(-difference) + difference).sum()) for difference in apart),
        entropy=mean(chain.from_iterable(entropies)),
        length=mean(len(rollout.answer) for rollout in rollouts),
        ended=mean(rollout.ended for rollout in rollouts),
        cut=mean(verdict.cut for verdict in verdicts),
        repetition=mean(map(repetition, words)),
        distinct_1=distinct(words, 1),
        distinct_2=distinct(words, 2),
    )
    check_finite(found)
    return found


def mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)


def words_of(rollout: Answered) -> list[int]:
    """The tokens without the one that says that it ended."""
    return list(rollout.answer[:-1] if rollout.ended else rollout.answer)


def n_grams(tokens: Sequence[int], n: int) -> list[tuple[int, ...]]:
    return [tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]


def repetition(tokens: Sequence[int]) -> float:
    """0 for an answer that is too short to repeat itself."""
    found = n_grams(tokens, REPEATED)
    return 1 - len(set(found)) / len(found) if found else 0.0


def distinct(answers: Sequence[Sequence[int]], n: int) -> float:
    """0 where no answer is so long."""
    found = [gram for tokens in answers for gram in n_grams(tokens, n)]
    return len(set(found)) / len(found) if found else 0.0


def check_finite(found: Measured) -> None:
    broken = [name for name, value in found.as_json().items() if value is not None and not math.isfinite(value)]
    if broken:
        raise RunFailed(
            f"the policy is broken: its {', '.join(broken)} can no longer be told; lower the learning rate "
            "(--set learning_rate=…) and begin anew"
        )

"""Rewards to advantages: by hand, and against the formulas written out in plain Python."""

import math
import statistics
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.ml.rl import advantages

Answers = list[list[tuple[float, float]]]  # of each answer, of each token two numbers

NUMBERS = st.floats(-5, 5, allow_nan=False)
ANSWERS = st.lists(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=7), min_size=1, max_size=5)
SHARE = st.floats(0, 1)


def flat(answers: Answers, which: int) -> Tensor:
    return torch.tensor([pair[which] for answer in answers for pair in answer], dtype=torch.float64)


def owners(lengths: Sequence[int]) -> Tensor:
    return torch.tensor([place for place, length in enumerate(lengths) for _ in range(length)])


def slow_advantages(rewards: Sequence[float], values: Sequence[float], *, gamma: float, lam: float) -> list[float]:
    """Σ_k (γλ)^k δ_{t+k} of one answer, every sum anew."""
    ahead = [*values[1:], 0.0]
    deltas = [reward + gamma * after - value for reward, after, value in zip(rewards, ahead, values, strict=True)]
    return [
        math.fsum((gamma * lam) ** k * delta for k, delta in enumerate(deltas[place:]))
        for place in range(len(deltas))
    ]


def test_the_kl_of_a_token_by_hand() -> None:
    """π is twice, half, and exactly as likely as the reference."""
    log_ratios = torch.tensor([math.log(2), -math.log(2), 0.0], dtype=torch.float64)
    assert advantages.kl_k1(log_ratios).tolist() == log_ratios.tolist()
    expected = [0.5 - 1 + math.log(2), 2 - 1 - math.log(2), 0.0]
    assert advantages.kl_k3(log_ratios).tolist() == pytest.approx(expected, abs=1e-15)


def test_both_estimators_have_the_kl_as_their_mean() -> None:
    torch.manual_seed(1)
    policy, reference = torch.randn(2, 9, dtype=torch.float64).log_softmax(-1)
    truth = float((policy.exp() * (policy - reference)).sum())
    for estimate in advantages.ESTIMATORS.values():
        assert float((policy.exp() * estimate(policy - reference)).sum()) == pytest.approx(truth, abs=1e-12)


@given(st.floats(-20, 20))
def test_k3_is_never_negative(log_ratio: float) -> None:
    assert float(advantages.kl_k3(torch.tensor(log_ratio, dtype=torch.float64))) >= 0


def test_every_token_pays_for_its_kl_and_the_last_one_is_rewarded() -> None:
    found = advantages.token_rewards(
        torch.tensor([10.0, -4.0]), torch.tensor([1.0, 2.0, -1.0, 0.5]), owners([3, 1]), beta=0.5
    )
    assert found.tolist() == [-0.5, -1.0, 10.5, -4.25]


def test_advantages_by_hand() -> None:
    """Two answers; γ = 0.5, λ = 0.5.

    First: r = 1, 2, V = 4, 8: δ = 1 + 4 - 4 = 1, 2 - 8 = -6; A = 1 - 6/4 = -0.5, -6. Second: r = 3, V = 1: A = 2.
    """
    rewards, values = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 8.0, 1.0])
    found, returns = advantages.generalised_advantages(rewards, values, owners([2, 1]), gamma=0.5, lam=0.5)
    assert found.tolist() == [-0.5, -6.0, 2.0]
    assert returns.tolist() == [3.5, 2.0, 3.0]


def test_with_lambda_one_a_return_is_all_that_is_to_come() -> None:
    rewards, values = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([7.0, -3.0, 0.5])
    _, returns = advantages.generalised_advantages(rewards, values, owners([3]), gamma=1.0, lam=1.0)
    assert returns.tolist() == [7.0, 6.0, 4.0]


def test_with_lambda_zero_an_advantage_looks_one_token_ahead() -> None:
    rewards, values = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([7.0, -3.0, 0.5])
    found, _ = advantages.generalised_advantages(rewards, values, owners([3]), gamma=1.0, lam=0.0)
    assert found.tolist() == [-9.0, 5.5, 3.5]


@settings(max_examples=60, deadline=None)
@given(answers=ANSWERS, gamma=SHARE, lam=SHARE)
def test_advantages_are_those_of_each_answer_alone(answers: Answers, gamma: float, lam: float) -> None:
    found, returns = advantages.generalised_advantages(
        flat(answers, 0), flat(answers, 1), owners([len(answer) for answer in answers]), gamma=gamma, lam=lam
    )
    slow = [
        advantage
        for answer in answers
        for advantage in slow_advantages([r for r, _ in answer], [v for _, v in answer], gamma=gamma, lam=lam)
    ]
    assert found.tolist() == pytest.approx(slow, abs=1e-9)
    assert returns.tolist() == pytest.approx([a + v for a, v in zip(slow, flat(answers, 1).tolist(), strict=True)])


@settings(max_examples=60, deadline=None)
@given(answers=ANSWERS, scores=st.lists(NUMBERS, min_size=5, max_size=5), beta=SHARE)
def test_rewards_are_those_of_each_answer_alone(answers: Answers, scores: list[float], beta: float) -> None:
    found = advantages.token_rewards(
        torch.tensor(scores[: len(answers)]).double(),
        flat(answers, 0),
        owners([len(answer) for answer in answers]),
        beta=beta,
    )
    slow = [
        -beta * kl + (float(torch.tensor(score)) if place == len(answer) - 1 else 0.0)
        for answer, score in zip(answers, scores, strict=False)
        for place, (kl, _) in enumerate(answer)
    ]
    assert found.tolist() == pytest.approx(slow, abs=1e-9)


def test_whitening_by_hand() -> None:
    """1, 2, 6: mean 3, sample variance (4 + 1 + 9) / 2 = 7."""
    found = advantages.whitened(torch.tensor([1.0, 2.0, 6.0]))
    assert found.tolist() == pytest.approx([-2 / 7**0.5, -1 / 7**0.5, 3 / 7**0.5])
    kept = advantages.whitened(torch.tensor([1.0, 2.0, 6.0]), keep_mean=True)
    assert kept.tolist() == pytest.approx([3 - 2 / 7**0.5, 3 - 1 / 7**0.5, 3 + 3 / 7**0.5])


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=30))
def test_moments_are_those_of_a_sample(numbers: list[float]) -> None:
    mean, variance = advantages.moments(torch.tensor(numbers, dtype=torch.float64))
    assert float(mean) == pytest.approx(statistics.mean(numbers), abs=1e-9)
    assert float(variance) == pytest.approx(statistics.variance(numbers), abs=1e-8)


def test_whitening_of_values_far_from_zero_loses_nothing() -> None:
    """In single precision the squares of these have lost what tells them apart."""
    numbers = [1000.0 + number / 16 for number in range(64)]
    found = advantages.whitened(torch.tensor(numbers))
    spread = statistics.stdev(numbers)
    assert found.tolist() == pytest.approx([(one - statistics.mean(numbers)) / spread for one in numbers], abs=1e-3)


@pytest.mark.parametrize("numbers", [[3.0], [2.0, 2.0, 2.0]])
def test_what_does_not_vary_is_whitened_to_zero(numbers: list[float]) -> None:
    assert advantages.whitened(torch.tensor(numbers)).tolist() == [0.0] * len(numbers)

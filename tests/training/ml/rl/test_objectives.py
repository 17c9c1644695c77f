"""PPO's losses: by hand, their gradients among it, and against plain Python."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.ml.rl import objectives

NUMBERS = st.floats(-3, 3, allow_nan=False)
TOKENS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=8)


def columns(tokens: list[tuple[float, float, float]]) -> list[torch.Tensor]:
    return [torch.tensor(column, dtype=torch.float64) for column in zip(*tokens, strict=True)]


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (1.0, 2.0, -2.0, False),
        (1.5, 2.0, -2.4, True),  # no more to gain above 1 + 0.2
        (0.5, 2.0, -1.0, False),  # worse than it was: the whole way back counts
        (0.5, -2.0, 1.6, True),
        (1.5, -2.0, 3.0, False),
    ],
)
def test_the_policys_loss_by_hand(ratio: float, advantage: float, loss: float, clipped: bool) -> None:
    new = torch.tensor([math.log(ratio) - 1.0], dtype=torch.float64, requires_grad=True)
    old = torch.tensor([-1.0], dtype=torch.float64)
    found = objectives.policy(new, old, torch.tensor([advantage], dtype=torch.float64), clip=0.2)
    assert found.losses.item() == pytest.approx(loss)
    assert found.clipped.tolist() == [clipped]
    found.losses.sum().backward()
    assert new.grad is not None
    assert new.grad.item() == pytest.approx(0.0 if clipped else -advantage * ratio)


@settings(max_examples=60, deadline=None)
@given(tokens=TOKENS, clip=st.floats(0, 0.5))
def test_the_policys_loss_is_that_of_plain_python(tokens: list[tuple[float, float, float]], clip: float) -> None:
    found = objectives.policy(*columns(tokens), clip=clip)
    slow = []
    for new, old, advantage in tokens:
        ratio = math.exp(new - old)
        slow.append(max(-advantage * ratio, -advantage * min(max(ratio, 1 - clip), 1 + clip)))
    assert found.losses.tolist() == pytest.approx(slow, abs=1e-9)


@pytest.mark.parametrize(
    ("new", "returns", "clip", "loss", "clipped"),
    [
        (1.1, 2.0, 0.2, 0.405, False),
        (1.5, 2.0, 0.2, 0.32, True),  # half of 0.8 squared: it may move to 1.2
        (0.5, 2.0, 0.2, 1.125, False),  # the wrong way: the whole way back counts
        (1.5, 2.0, 0.0, 0.125, False),
    ],
)
def test_the_value_loss_by_hand(new: float, returns: float, clip: float, loss: float, clipped: bool) -> None:
    """The value was 1 when the answer was drawn."""
    found = objectives.value(torch.tensor([new]), torch.tensor([1.0]), torch.tensor([returns]), clip=clip)
    assert found.losses.item() == pytest.approx(loss)
    assert found.clipped.tolist() == [clipped]


@settings(max_examples=60, deadline=None)
@given(tokens=TOKENS, clip=st.floats(0.01, 1))
def test_the_value_loss_is_that_of_plain_python(tokens: list[tuple[float, float, float]], clip: float) -> None:
    found = objectives.value(*columns(tokens), clip=clip)
    slow = [
        max((new - target) ** 2, (old + min(max(new - old, -clip), clip) - target) ** 2) / 2
        for new, old, target in tokens
    ]
    assert found.losses.tolist() == pytest.approx(slow, abs=1e-9)


def test_entropies_by_hand() -> None:
    distributions = torch.tensor([[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]], dtype=torch.float64).log()
    assert objectives.entropies(distributions).tolist() == pytest.approx([1.5 * math.log(2), math.log(3)])


def test_an_entropy_of_a_certain_token_is_zero_and_no_nan() -> None:
    certain = torch.tensor([[1000.0, 0.0, -1000.0]]).log_softmax(-1)
    assert objectives.entropies(certain).tolist() == [0.0]


def test_explained_variance_by_hand() -> None:
    returns = torch.tensor([1.0, 2.0, 3.0])
    assert objectives.explained_variance(returns, returns) == 1.0
    assert objectives.explained_variance(torch.zeros(3), returns) == 0.0
    assert objectives.explained_variance(-returns, returns) == pytest.approx(-3.0)
    assert objectives.explained_variance(returns, torch.ones(3)) == 0.0

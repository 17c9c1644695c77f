"""What a model says at each token: the same packed, padded, alone and among others, and as transformers says it."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.ml import tiny_models
from tests.training.ml.rl import policies
from training.ml.rl import states
from training.ml.rl.rollouts import Rollout
from training.ml.rl.states import How

NAMES = ["llama", "qwen2", "qwen3", "gpt2", "gpt_neox"]
PADDED, PACKED = How(packed=False, pad=0), How(packed=True, pad=0)
WAYS = pytest.mark.parametrize("how", [PADDED, PACKED], ids=["padded", "packed"])
EVERY = pytest.mark.parametrize("name", NAMES)
T = 0.7


def model(name: str) -> Any:
    """In fp64, so that a wrong token cannot pass for rounding."""
    return tiny_models.language_model(tiny_models.DECODERS[name](), torch.float64)


def rollouts() -> list[Rollout]:
    return policies.rollouts(tiny_models.items(4))


def slow(model: Any, rollout: Rollout) -> Tensor:
    """Log-probabilities of what each token was drawn from, one conversation at a time: (t, V)."""
    with torch.no_grad():
        logits = model(torch.tensor([rollout.prompt.ids + rollout.answer])).logits[0]
    return (logits[len(rollout.prompt.ids) - 1 : -1] / T).log_softmax(-1)


@EVERY
@WAYS
def test_log_probabilities_are_those_of_each_answer_alone(name: str, how: How) -> None:
    asked, net = rollouts(), model(name)
    found = states.said(net, asked, how=how, temperature=T)
    expected = [slow(net, rollout) for rollout in asked]
    torch.testing.assert_close(found.distributions, torch.cat(expected), atol=1e-7, rtol=0)
    tokens = [
        said[place, token]
        for said, rollout in zip(expected, asked, strict=True)
        for place, token in enumerate(rollout.answer)
    ]
    torch.testing.assert_close(found.log_probs, torch.stack(tokens), atol=1e-7, rtol=0)


@EVERY
@WAYS
def test_hidden_states_are_those_of_each_answer_alone(name: str, how: How) -> None:
    asked, net = rollouts(), model(name)
    with torch.no_grad():
        alone = [
            net.base_model(torch.tensor([one.prompt.ids + one.answer])).last_hidden_state[
                0, len(one.prompt.ids) - 1 : -1
            ]
            for one in asked
        ]
        found = states.hidden(net, asked, how=how)
    torch.testing.assert_close(found, torch.cat(alone), atol=1e-7, rtol=0)


@WAYS
@pytest.mark.parametrize("size", [1, 3, 16])
def test_what_shares_a_batch_changes_nothing(how: How, size: int) -> None:
    asked, net = rollouts(), model("llama")

    def compute(batch: Sequence[Rollout]) -> Tensor:
        with torch.no_grad():
            return states.said(net, batch, how=how, temperature=T).log_probs

    found = states.in_batches(asked, compute, size=size)
    turned = states.in_batches(asked[::-1], compute, size=size)[::-1]
    for rollout, one, other in zip(asked, found, turned, strict=True):
        assert len(one) == len(rollout.answer)
        expected = compute([rollout])
        torch.testing.assert_close(one, expected, atol=1e-10, rtol=0)
        torch.testing.assert_close(other, expected, atol=1e-10, rtol=0)


@EVERY
def test_gradients_are_the_same_packed_and_padded(name: str) -> None:
    asked = rollouts()
    found = []
    for how in (PADDED, PACKED):
        net = model(name)
        said = states.said(net, asked, how=how, temperature=T)
        (said.log_probs.sum() + said.entropies.sum()).backward()  # type: ignore[no-untyped-call]
        found.append({name: weight.grad for name, weight in net.named_parameters() if weight.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name_, gradient in found[0].items():
        torch.testing.assert_close(found[1][name_], gradient, atol=1e-7, rtol=1e-6)


def test_entropies_are_those_of_the_tempered_distribution() -> None:
    asked, net = rollouts(), model("qwen2")
    found = states.said(net, asked, how=PADDED, temperature=T).entropies
    expected = [-(said.exp() * said).sum(-1) for said in (slow(net, rollout) for rollout in asked)]
    torch.testing.assert_close(found, torch.cat(expected), atol=1e-7, rtol=0)


def test_owners_name_the_answer_of_every_token() -> None:
    asked = policies.rollouts([([3], [[4, 5], [6]]), ([7, 8], [[9, 9, 9]])])
    assert states.owners(asked).tolist() == [0, 0, 1, 2, 2, 2]

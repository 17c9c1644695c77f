"""The epochs of a step: where they begin, what they do to the weights, and the schedule of their rate."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.ml.rl import small_actors
from training.exceptions import RunFailed
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl import updates
from training.ml.rl.actors import POLICY, VALUE, Actors

pytestmark = small_actors.QUIET
NAMES = ["llama", "qwen2", "qwen3", "gpt2"]
KNOBS = small_actors.knobs(batch_size="4", gradient_clip="0", whiten_advantages="false")


def updated(actors: Actors, knobs: PpoKnobs = KNOBS, *, rate: float = 1e-3, **changes: Any) -> dict[str, float]:
    """One step."""
    found = replace(small_actors.gathered(actors, knobs), **changes)
    how = updates.optimisation(actors, knobs=knobs, rate=rate, steps=10)
    return updates.update(actors, found, how, knobs=knobs, step=1, seed=17)


def weights(actors: Actors) -> dict[str, Tensor]:
    return {
        f"{part} {name}": parameter.detach().clone()
        for part, pairs in actors.trained().items()
        for name, parameter in pairs
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_the_ratio_of_the_first_minibatch_is_one(name: str, *, packed: bool) -> None:
    actors = small_actors.moved(small_actors.made(name, packed=packed))
    numbers = updated(actors, replace(KNOBS, ppo_epochs=2))
    assert numbers["ratio_first"] < 1e-6
    assert numbers["approx_kl"] > 0  # later ones have moved


@pytest.mark.parametrize("layout", ["shared", "separate"])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_the_ratio_is_one_in_minibatches_too_but_for_rounding(layout: str, *, packed: bool) -> None:
    """These answers are read in other company than when they were drawn: in single precision a few millionths."""
    actors = small_actors.moved(small_actors.made("llama", layout=layout, packed=packed, exact=True))
    assert updated(actors, replace(KNOBS, minibatches=4, ppo_epochs=1))["ratio_first"] < 1e-12


def test_the_ratio_is_one_over_adapters_of_the_upper_layers_alone() -> None:
    actors = small_actors.moved(small_actors.made("llama", lora_layers="1"))
    assert updated(actors, small_actors.knobs(batch_size="4", lora_layers="1"))["ratio_first"] < 1e-6


@pytest.mark.parametrize("layout", ["shared", "separate"])
def test_at_a_rate_of_zero_nothing_moves(layout: str) -> None:
    actors = small_actors.made("llama", layout=layout)
    before = weights(actors)
    numbers = updated(actors, rate=0.0)
    assert all(torch.equal(weight, before[name]) for name, weight in weights(actors).items())
    assert numbers["approx_kl"] < 1e-12
    assert numbers["clip_share"] == 0


@pytest.mark.parametrize("layout", ["shared", "separate"])
@pytest.mark.parametrize("size", ["1", "16"])
def test_gradients_are_the_same_whatever_goes_through_at_once(layout: str, size: str) -> None:
    """Means over all tokens of a minibatch, not means of means."""
    first = first_gradients(layout, replace(KNOBS, batch_size=5))
    other = first_gradients(layout, replace(KNOBS, batch_size=int(size)))
    for name, gradient in first.items():
        torch.testing.assert_close(other[name], gradient, atol=2e-5, rtol=1e-3)


def first_gradients(layout: str, knobs: PpoKnobs) -> dict[str, Tensor]:
    """Of the first minibatch, caught where the optimiser would use them."""
    actors = small_actors.moved(small_actors.made("llama", layout=layout))
    found = small_actors.gathered(actors, knobs)
    tokens = torch.tensor([sum(len(rollout.answer) for rollout in found.rollouts)])
    for start in range(0, 16, knobs.batch_size):
        batch = list(range(start, min(start + knobs.batch_size, 16)))
        updates.losses(actors, found, batch, knobs=knobs, tokens=tokens)
    return {
        f"{part} {name}": parameter.grad.clone()
        for part, pairs in actors.trained().items()
        for name, parameter in pairs
        if parameter.grad is not None
    }


def test_a_loss_is_what_plain_python_makes_of_its_tokens() -> None:
    """The ratio is one: the policy's loss is the mean of -A, the value network's half the mean of (V - R)²."""
    actors = small_actors.moved(small_actors.made("llama"))
    found = small_actors.gathered(actors, KNOBS)
    everything = list(range(16))
    tokens = sum(len(rollout.answer) for rollout in found.rollouts)
    numbers = updates.losses(
        actors, found, everything, knobs=replace(KNOBS, entropy_weight=0.5), tokens=torch.tensor([tokens])
    )
    advantages, returns, values = (
        found.of(name, everything).tolist() for name in ("advantages", "returns", "values")
    )
    policy = -sum(advantages) / tokens
    value = sum((v - r) ** 2 for v, r in zip(values, returns, strict=True)) / 2 / tokens
    entropy = sum(one for answer in found.entropies for one in answer.tolist()) / tokens
    assert float(numbers["policy_loss"]) == pytest.approx(policy, abs=1e-5)
    assert float(numbers["value_loss"]) == pytest.approx(value, abs=1e-4)
    assert float(numbers["loss"]) == pytest.approx(policy + 0.1 * value - 0.5 * entropy, abs=1e-4)


def test_the_entropy_bonus_raises_entropy() -> None:
    actors = small_actors.moved(small_actors.made("llama"))
    found = small_actors.gathered(actors, KNOBS)
    nothing = [torch.zeros_like(one) for one in found.advantages]
    before = torch.cat(found.entropies).mean()
    updated(actors, replace(KNOBS, entropy_weight=1.0), rate=1e-2, advantages=nothing)
    assert torch.cat(small_actors.gathered(actors, KNOBS).entropies).mean() > before


def test_likely_becomes_what_was_better_than_expected() -> None:
    actors = small_actors.made("llama")
    found = small_actors.gathered(actors, KNOBS)
    signs = [
        torch.ones_like(one) if place % 2 else -torch.ones_like(one) for place, one in enumerate(found.advantages)
    ]
    updated(actors, rate=3e-3, advantages=signs)
    after = small_actors.gathered(actors, KNOBS)
    moves = [float((now - then).sum()) for now, then in zip(after.log_probs, found.log_probs, strict=True)]
    assert all((move > 0) == bool(place % 2) for place, move in enumerate(moves))


def test_every_answer_is_in_one_minibatch_of_an_epoch_whoever_holds_it() -> None:
    actors = small_actors.made("llama")
    knobs = replace(KNOBS, minibatches=4)
    whole = small_actors.gathered(actors, knobs)
    halves = [small_actors.gathered(actors, knobs, places=range(first, 16, 2)) for first in (0, 1)]
    alone = [sorted(chosen) for chosen in updates.minibatches(whole, knobs=knobs, seed="a")]
    assert sorted(place for chosen in alone for place in chosen) == list(range(16))
    assert [len(chosen) for chosen in alone] == [4, 4, 4, 4]
    shared = [
        sorted(half.places[number] for half, numbers in zip(halves, parts, strict=True) for number in numbers)
        for parts in zip(*(updates.minibatches(half, knobs=knobs, seed="a") for half in halves), strict=True)
    ]
    assert shared == alone
    assert alone != [sorted(chosen) for chosen in updates.minibatches(whole, knobs=knobs, seed="b")]


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    actors = small_actors.made("llama")
    found = small_actors.gathered(actors, KNOBS)
    broken = [torch.full_like(one, float("nan")) for one in found.advantages]
    with pytest.raises(RunFailed, match="the loss"):
        updated(actors, advantages=broken)


def test_gradients_are_cut_to_the_norm_that_is_allowed_and_told_before() -> None:
    free, cut = (
        updated(small_actors.moved(small_actors.made("llama")), replace(KNOBS, gradient_clip=clip, ppo_epochs=1))
        for clip in (0.0, 0.01)
    )
    assert free["grad_norm"] == pytest.approx(cut["grad_norm"])
    assert free["grad_norm"] > 0.01


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"warmup_share": "0"}, [1.0, 0.75, 0.5, 0.25, 0.0]),
        ({"warmup_share": "0", "final_rate": "0.2"}, [1.0, 0.8, 0.6, 0.4, 0.2]),
        ({"warmup_share": "0.5"}, [0.5, 1.0, 1.0, 0.5, 0.0]),
        ({"warmup_share": "0.5", "final_rate": "1"}, [0.5, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_and_falls_in_a_line(values: dict[str, str], expected: list[float]) -> None:
    """Of four steps; the last number is what would come after them."""
    knobs = small_actors.knobs(value_rate="3", **values)
    how = updates.optimisation(small_actors.made("llama"), knobs=knobs, rate=1e-3, steps=4)
    seen = []
    for _ in range(5):
        seen.append([group["lr"] for group in how.optimiser.param_groups])
        how.optimiser.step()
        how.schedule.step()
    assert [policy for policy, _ in seen] == pytest.approx([1e-3 * share for share in expected])
    assert [value for _, value in seen] == pytest.approx([3e-3 * share for share in expected])


def test_the_value_networks_rate_moves_it_alone() -> None:
    actors = small_actors.made("llama")
    before = weights(actors)
    updated(actors, replace(KNOBS, value_rate=0.0))
    moved = {name.split()[0] for name, weight in weights(actors).items() if not torch.equal(weight, before[name])}
    assert moved == {POLICY}
    assert VALUE in {name.split()[0] for name in before}


def test_an_update_is_the_same_each_time() -> None:
    first = small_actors.moved(small_actors.made("llama"))
    second = copy.deepcopy(first)
    assert updated(first, replace(KNOBS, minibatches=2)) == updated(second, replace(KNOBS, minibatches=2))
    again = weights(second)
    assert all(torch.equal(weight, again[name]) for name, weight in weights(first).items())

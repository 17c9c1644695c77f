"""The epochs of a PPO step: minibatches of its answers, each one step of the optimiser.

Losses are means over the tokens of a minibatch over all processes, however many forward passes and processes share
it; gradients are summed over processes by hand, because what is computed from a model's parts would pass by the hooks
of a wrapper.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from training.exceptions import RunFailed
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl import objectives, schedules, states
from training.ml.rl.actors import POLICY, VALUE, Actors
from training.ml.rl.experience import Experience
from training.ml.run.progress import no_number


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """The optimiser of all trained weights, and the schedule of its rate."""

    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    parameters: list[nn.Parameter]

    @property
    def rate(self) -> float:
        return float(self.optimiser.param_groups[0]["lr"])


def optimisation(actors: Actors, *, knobs: PpoKnobs, rate: float, steps: int) -> Optimisation:
    """AdamW; the rate goes by PPO's steps, not by the optimiser's."""
    trained = {name: [parameter for _, parameter in pairs] for name, pairs in actors.trained().items()}
    groups = [
        {"params": trained[name], "lr": rate * factor} for name, factor in ((POLICY, 1.0), (VALUE, knobs.value_rate))
    ]
    optimiser = torch.optim.AdamW(groups, eps=knobs.adam_epsilon, weight_decay=knobs.weight_decay, fused=True)
    share = partial(
        schedules.share, steps=steps, warmup=math.ceil(knobs.warmup_share * steps), final=knobs.final_rate
    )
    return Optimisation(
        optimiser=optimiser,
        schedule=torch.optim.lr_scheduler.LambdaLR(optimiser, share),
        parameters=[parameter for parameters in trained.values() for parameter in parameters],
    )


def update(
    actors: Actors, found: Experience, how: Optimisation, *, knobs: PpoKnobs, step: int, seed: int
) -> dict[str, float]:
    """All epochs of a step; means of what was seen meanwhile, over all processes.

    Raises:
        RunFailed: the loss is no number.
    """
    seen: dict[str, list[float]] = defaultdict(list)
    for epoch in range(knobs.ppo_epochs):
        for number, chosen in enumerate(minibatches(found, knobs=knobs, seed=f"{seed} {step} {epoch}")):
            numbers = minibatch(actors, found, chosen, how, knobs=knobs)
            if not (math.isfinite(numbers["loss"]) and math.isfinite(numbers["grad_norm"])):
                raise RunFailed(no_number("the loss", step=step, learning_rate=how.rate))
            if epoch == number == 0:
                seen["ratio_first"].append(numbers["ratio_apart"])
            for name, value in numbers.items():
                seen[name].append(value)
    how.schedule.step()
    del seen["ratio_apart"]
    return {name: math.fsum(values) / len(values) for name, values in seen.items()}


def minibatches(found: Experience, *, knobs: PpoKnobs, seed: str) -> Iterator[list[int]]:
    """Places in this process of what is drawn over all of them: the same minibatches however many there are."""
    order = list(range(knobs.rollout_size))
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, no secret
    here = {place: number for number, place in enumerate(found.places)}
    size = knobs.rollout_size // knobs.minibatches
    for start in range(0, len(order), size):
        yield [here[place] for place in order[start : start + size] if place in here]


def minibatch(
    actors: Actors, found: Experience, chosen: Sequence[int], how: Optimisation, *, knobs: PpoKnobs
) -> dict[str, float]:
    """One step of the optimiser."""
    own = sum(len(found.rollouts[place].answer) for place in chosen)
    tokens = summed(torch.tensor([float(own)], device=actors.device))
    rollouts = [found.rollouts[place] for place in chosen]
    sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), device=actors.device))
    for places in evened(list(states.by_length(rollouts, size=knobs.batch_size)), actors):
        batch = [chosen[place] for place in places]
        if not batch:
            losses(actors, found, [0], knobs=knobs, tokens=torch.full_like(tokens, math.inf))
            continue
        for name, value in losses(actors, found, batch, knobs=knobs, tokens=tokens).items():
            sums[name] = torch.maximum(sums[name], value) if name == "ratio_apart" else sums[name] + value
    norm = step_of(how, clip=knobs.gradient_clip)
    return {"grad_norm": norm, **over_processes(sums)}


def evened(batches: list[list[int]], actors: Actors) -> list[list[int]]:
    """With empty ones to as many as the process with the most has: layers that are cut have to be gathered by all."""
    if not actors.is_cut:
        return batches
    most = torch.tensor(len(batches), device=actors.device)
    torch.distributed.all_reduce(most, op=torch.distributed.ReduceOp.MAX)
    return [*batches, *([] for _ in range(int(most) - len(batches)))]


def losses(
    actors: Actors, found: Experience, batch: Sequence[int], *, knobs: PpoKnobs, tokens: Tensor
) -> dict[str, Tensor]:
    """Gradients of one forward pass each of policy and value network; their parts of the minibatch's means."""
    rollouts = [found.rollouts[place] for place in batch]
    said = actors.policy(rollouts)
    old = found.of("log_probs", batch)
    clipped = objectives.policy(said.log_probs, old, found.of("advantages", batch), clip=knobs.clip_range)
    policy_loss = clipped.losses.sum() / tokens
    bonus = knobs.entropy_weight * said.entropies.sum() / tokens if knobs.entropy_weight else torch.zeros_like(tokens)
    (policy_loss - bonus).sum().backward()
    values = actors.values(rollouts)
    moved = objectives.value(values, found.of("values", batch), found.of("returns", batch), clip=knobs.value_clip)
    value_loss = moved.losses.sum() / tokens
    (knobs.value_weight * value_loss).sum().backward()
    apart = said.log_probs.detach() - old
    return {
        "policy_loss": policy_loss.detach().squeeze(),
        "value_loss": value_loss.detach().squeeze(),
        "loss": (policy_loss + knobs.value_weight * value_loss - bonus).detach().squeeze(),
        "clip_share": (clipped.clipped.sum() / tokens).squeeze(),
        "value_clip_share": (moved.clipped.sum() / tokens).squeeze(),
        "approx_kl": (apart.square().sum() / 2 / tokens).squeeze(),
        "ratio_apart": (apart.exp() - 1).abs().max(),
    }


def step_of(how: Optimisation, *, clip: float) -> float:
    """The optimiser's step with gradients of all processes; their norm before it was cut."""
    for parameter in how.parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    share_gradients(how.parameters)
    norm = nn.utils.clip_grad_norm_(how.parameters, clip or math.inf)
    how.optimiser.step()
    how.optimiser.zero_grad(set_to_none=True)
    return float(norm)


def share_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Summed over processes, in one message."""
    if not several():
        return
    gradients: list[Any] = [parameter.grad for parameter in parameters]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(together)
    for gradient, part in zip(gradients, together.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def over_processes(sums: dict[str, Tensor]) -> dict[str, float]:
    """Parts of means summed; of `ratio_apart` the largest."""
    found = {}
    for name in ("policy_loss", "value_loss", "loss", "clip_share", "value_clip_share", "approx_kl"):
        found[name] = float(summed(sums[name].clone()))
    largest = sums["ratio_apart"].clone()
    if several():
        torch.distributed.all_reduce(largest, op=torch.distributed.ReduceOp.MAX)
    return {**found, "ratio_apart": float(largest)}


def summed(value: Tensor) -> Tensor:
    """Over processes, in place."""
    if several():
        torch.distributed.all_reduce(value)
    return value


def several() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()

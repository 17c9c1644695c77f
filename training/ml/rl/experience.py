"""What a step learns from: answers, judged, with the numbers that the update compares itself with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.ml.knobs.rl import PpoKnobs
from training.ml.rl import advantages, states
from training.ml.rl.actors import Actors
from training.ml.rl.judges import Verdict
from training.ml.rl.rollouts import Rollout


@dataclass(frozen=True, kw_only=True)
class Experience:
    """Of each rollout of this process, numbers of its tokens (t,): old log-probabilities and values, advantages and
    returns, by place. `places`: of the rollouts among those of all processes."""

    rollouts: list[Rollout]
    verdicts: list[Verdict]
    places: list[int]
    log_probs: list[Tensor]
    entropies: list[Tensor]
    log_ratios: list[Tensor]  # to the reference
    values: list[Tensor]
    advantages: list[Tensor]
    returns: list[Tensor]

    def of(self, name: str, chosen: Sequence[int]) -> Tensor:
        """These rollouts' numbers, end to end: (T,)"""
        return torch.cat([getattr(self, name)[place] for place in chosen])

    def figures(self) -> list[dict[str, float]]:
        """Of each rollout what a step's line tells the mean of."""
        return [
            {
                "score": verdict.score,
                "reward": verdict.reward,
                "spread": verdict.spread,
                "kl": float(advantages.kl_k1(ratios).sum()),
                "kl3": float(advantages.kl_k3(ratios).sum()),
                "entropy": float(entropies.mean()),
                "length": float(len(rollout.answer)),
                "ended": float(rollout.ended),
            }
            for rollout, verdict, ratios, entropies in zip(
                self.rollouts, self.verdicts, self.log_ratios, self.entropies, strict=True
            )
        ]


def gathered(
    actors: Actors,
    rollouts: list[Rollout],
    verdicts: list[Verdict],
    *,
    places: list[int],
    knobs: PpoKnobs,
    beta: float,
) -> Experience:
    """What policy, reference and value network say of these answers, and what that makes of their rewards."""
    size = knobs.batch_size

    def policy(batch: Sequence[Rollout]) -> Tensor:
        found = actors.policy(batch)
        return torch.stack([found.log_probs, found.entropies], dim=1)  # (T, 2)

    with torch.no_grad():
        said = states.in_batches(rollouts, policy, size=size)
        reference = states.in_batches(rollouts, lambda batch: actors.reference(batch).log_probs, size=size)
        values = states.in_batches(rollouts, actors.values, size=size)
    log_probs = [found[:, 0] for found in said]
    log_ratios = [now - before for now, before in zip(log_probs, reference, strict=True)]
    weights, returns = weighed(
        rollouts, verdicts, log_ratios=torch.cat(log_ratios), values=torch.cat(values), knobs=knobs, beta=beta
    )
    lengths = [len(rollout.answer) for rollout in rollouts]
    return Experience(
        rollouts=rollouts,
        verdicts=verdicts,
        places=places,
        log_probs=log_probs,
        entropies=[found[:, 1] for found in said],
        log_ratios=log_ratios,
        values=values,
        advantages=list(weights.split(lengths)),
        returns=list(returns.split(lengths)),
    )


def weighed(
    rollouts: Sequence[Rollout],
    verdicts: Sequence[Verdict],
    *,
    log_ratios: Tensor,
    values: Tensor,
    knobs: PpoKnobs,
    beta: float,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns of every token: (T,) each."""
    owners = states.owners(rollouts, device=log_ratios.device)
    scores: Any = log_ratios.new_tensor([verdict.reward for verdict in verdicts])
    kl = advantages.ESTIMATORS[knobs.kl_estimator](log_ratios)
    rewards = advantages.token_rewards(scores, kl, owners, beta=beta)
    if knobs.whiten_rewards:
        rewards = advantages.whitened(rewards, keep_mean=True)
    found, returns = advantages.generalised_advantages(
        rewards, values, owners, gamma=knobs.gamma, lam=knobs.gae_lambda
    )
    return (advantages.whitened(found) if knobs.whiten_advantages else found), returns

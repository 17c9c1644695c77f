"""What PPO minimises, token by token. Pure functions on tensors; no model. Source: 1707.06347."""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.ml.rl.advantages import moments


@dataclass(frozen=True, kw_only=True)
class Clipped:
    """`losses`: of each token (T,). `clipped`: of each token, whether the clipped side was taken (T,) bool."""

    losses: Tensor
    clipped: Tensor


def policy(new: Tensor, old: Tensor, advantages: Tensor, *, clip: float) -> Clipped:
    """max(-A·r, -A·clip(r, 1 - ε, 1 + ε)) with r = π/π_old, from log-probabilities: (T,) each."""
    ratios = (new - old).exp()
    free = -advantages * ratios
    bound = -advantages * ratios.clamp(1 - clip, 1 + clip)
    return Clipped(losses=torch.maximum(free, bound), clipped=(bound > free).detach())


def value(new: Tensor, old: Tensor, returns: Tensor, *, clip: float) -> Clipped:
    """½ max((V - R)², (clip(V, V_old ± ε) - R)²); `clip` 0: never clipped. (T,) each.

    Source: openai/baselines' ppo2, kept in 2403.17031.
    """
    free = (new - returns).square()
    if not clip:
        return Clipped(losses=free / 2, clipped=torch.zeros_like(free, dtype=torch.bool))
    bound = (old + (new - old).clamp(-clip, clip) - returns).square()
    return Clipped(losses=torch.maximum(free, bound) / 2, clipped=(bound > free).detach())


def entropies(log_probs: Tensor) -> Tensor:
    """Of distributions over tokens, given as logarithms, in nats: (T, V) -> (T,)"""
    return -(log_probs.exp() * log_probs).sum(-1)


def explained_variance(values: Tensor, returns: Tensor) -> float:
    """1 - Var(R - V) / Var(R) over all processes: 1 is perfect, 0 a network that says the same of all. (T,) each."""
    _, spread = moments(returns)
    _, left = moments(returns - values)
    return float(1 - left / spread) if spread > 0 else 0.0

"""From rewards and values to what a policy gradient weighs tokens by. Pure functions on tensors; no model.

All take answers one after the other in one row, T tokens together: `owners` (T,) says whose token each is, 0 to R - 1
in order. (Padded (R, T) tensors would be mostly padding; a row is what models read here, too.)
"""

import torch
from torch import Tensor

EPSILON = 1e-8


def kl_k1(log_ratios: Tensor) -> Tensor:
    """Of each sampled token, log π - log π_ref: unbiased for the KL, of either sign. (T,) -> (T,)

    Source: Schulman, Approximating KL Divergence (joschu.net/blog/kl-approx.html), as k3 is.
    """
    return log_ratios


def kl_k3(log_ratios: Tensor) -> Tensor:
    """(r - 1) - log r with r = π_ref/π: unbiased, never negative, of less variance. (T,) -> (T,)"""
    return torch.expm1(-log_ratios) + log_ratios


ESTIMATORS = {"k1": kl_k1, "k3": kl_k3}


def token_rewards(scores: Tensor, kl: Tensor, owners: Tensor, *, beta: float) -> Tensor:
    """Each token pays for its KL, the last token of an answer gets the answer's reward: (R,), (T,), (T,) -> (T,)

    Source: 1909.08593, eq. 2, spread over tokens as in InstructGPT (2203.02155).
    """
    rewards = -beta * kl
    return rewards.index_add(0, lasts(owners), scores.to(rewards))


def lasts(owners: Tensor) -> Tensor:
    """Where each answer's last token stands: (T,) -> (R,)"""
    return torch.bincount(owners).cumsum(0) - 1


def generalised_advantages(
    rewards: Tensor, values: Tensor, owners: Tensor, *, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Advantages and returns of every token; after an answer's last token nothing is to come: (T,) each.

        δ_t = r_t + γ·V_{t+1} - V_t        A_t = δ_t + γ·λ·A_{t+1}        return_t = A_t + V_t

    Source: generalised advantage estimation, 1506.02438.
    """
    row, column = places(owners)
    rewards_, values_ = (grid(numbers, row, column) for numbers in (rewards, values))  # (R, L), 0 after the last
    found = torch.zeros_like(rewards_)
    later = following = rewards_.new_zeros(len(rewards_))  # (R,)
    for step in range(rewards_.shape[1] - 1, -1, -1):
        later = rewards_[:, step] + gamma * following - values_[:, step] + gamma * lam * later
        following = values_[:, step]
        found[:, step] = later
    advantages = found[row, column]
    return advantages, advantages + values


def places(owners: Tensor) -> tuple[Tensor, Tensor]:
    """Whose each token is, and the how manieth there: (T,) each."""
    starts = lasts(owners) + 1 - torch.bincount(owners)
    return owners, torch.arange(len(owners), device=owners.device) - starts[owners]


def grid(numbers: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """(T,) -> (R, L): answers below each other, padded with 0 on the right."""
    found = numbers.new_zeros(int(row[-1]) + 1, int(column.max()) + 1)
    found[row, column] = numbers
    return found


def moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (of a sample: over n - 1) of what all processes hold together: (T,) -> (), ()"""
    wide = values.double()  # squares of what lies far from zero lose in single precision what tells them apart
    sums = torch.stack([wide.new_tensor(len(wide)), wide.sum(), wide.square().sum()])
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(sums)
    n, total, squares = sums
    mean = total / n
    variance = (squares - n * mean.square()) / (n - 1).clamp(min=1)
    return mean.to(values), variance.clamp(min=0).to(values)


def whitened(values: Tensor, *, keep_mean: bool = False) -> Tensor:
    """To mean 0 (or the mean that they had) and variance 1, over all processes: (T,) -> (T,)"""
    mean, variance = moments(values)
    found = (values - mean) * torch.rsqrt(variance + EPSILON)
    return found + mean if keep_mean else found

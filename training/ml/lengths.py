"""Length apart from quality: what people's liking for long answers explains need not be learnt as reward.

    logit = r(better) - r(worse) + slope · log(tokens of better / tokens of worse)

The slope is that of a Bradley-Terry fit on length alone, made before training; with that term beside it the reward
explains what length does not, and scoring leaves the term out. Source: length as a term of its own in a logistic
model, set to zero for the comparison (length-controlled AlpacaEval, 2404.04475); there both are fitted together, here
length comes first and gets all that the two could share, which is the stricter of the two. Left out: a penalty on the
correlation of rewards and lengths in a batch (ODIN, 2402.07319). It was tried: with batches of 16 answers of the tiny
base it turned rewards to anything, for a correlation of so few has a steep gradient of its own.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from training.ml import losses
from training.ml.data.batches import Item

RIDGE = 1.0  # a length that always wins has no finite slope; weighs as one prompt does
HALVINGS = 200


def log_tokens(items: Sequence[Item]) -> list[float]:
    """Of every answer of the batch, in the order of its scores: (R,)."""
    return [math.log(len(answer)) for item in items for answer in item.answers]


def slope(items: Sequence[Item], *, per: str) -> float:
    """The minimum of Σ w · -log σ(slope · x) + RIDGE · slope² / 2 over strict comparisons; x: log ratio of lengths.

    The derivative rises in the slope, so its root is found by halving.
    """
    edges = losses.edges_of(items, per=per, device="cpu")
    logs = torch.tensor(log_tokens(items), dtype=torch.float64)
    ratios = (logs[edges.better] - logs[edges.worse])[~edges.tie]  # (E,)
    weights = edges.weight[~edges.tie]
    high = float((weights * ratios.abs()).sum()) / RIDGE
    low = -high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rising = RIDGE * middle - float((weights * ratios * torch.sigmoid(-middle * ratios)).sum()) > 0
        low, high = (low, middle) if rising else (middle, high)
    return (low + high) / 2


def with_term(scores: Tensor, items: Sequence[Item], *, slope: float) -> Tensor:
    """Scores (R,) with the term of length that training has beside them."""
    if not slope:
        return scores
    return scores + slope * torch.tensor(log_tokens(items), dtype=scores.dtype, device=scores.device)

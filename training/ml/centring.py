"""Where a reward model's zero lies, which comparisons leave open: at the mean reward of the reference answers.

After training the mean over answers of the train split is taken off, once and for all: by the bias of the head where
it has one, so that plain transformers give the same number; else (decoders' heads have none) it stands in config.json
and `rewards` takes it off. Accuracy cannot change. Source: Stiennon et al. (2009.01325: reference summaries have mean
0), InstructGPT (2203.02155, §3.5: a bias by which the demonstrations have it).
"""

import math
import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from training.ml import scoring
from training.ml.data.batches import Item

MOST_ANSWERS = 1024  # the mean of so many is known to 3 % of a standard deviation
HEADS = ("score", "classifier", "classifier.out_proj")  # of decoders; of BERT; of RoBERTa and ELECTRA


def references(items: Sequence[Item], *, seed: int) -> list[list[int]]:
    """Conversations of the train split, drawn by the seed where there are too many."""
    found = [item.prompt + answer for item in items for answer in item.answers]
    return random.Random(seed).sample(found, min(len(found), MOST_ANSWERS))  # noqa: S311


def means(model: Any, sequences: Sequence[list[int]], *, pad: int) -> tuple[float, ...]:
    """Of each head over the sequences: (H,)."""
    scores = scoring.by_head(model, sequences, pad=pad)
    return tuple(math.fsum(of_head) / len(scores) for of_head in zip(*scores, strict=True))


def shift(model: Any, offsets: Sequence[float]) -> bool:
    """Take the offsets off the head's bias, in place. False: the head has none, and nothing was done."""
    bias = bias_of(model)
    if bias is None:
        return False
    with torch.no_grad():
        bias -= torch.tensor(offsets, dtype=bias.dtype, device=bias.device)
    return True


def bias_of(model: nn.Module) -> torch.Tensor | None:
    modules = dict(model.named_modules())
    heads = [modules[name] for name in HEADS if isinstance(modules.get(name), nn.Linear)]
    return heads[-1].bias if heads else None

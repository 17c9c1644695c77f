"""The layers below all adapters, read once for everybody who reads the same tokens.

A policy, its reference and its value network on one backbone say the same of a token up to the lowest layer that has
an adapter, and go on saying it while they are trained. So these layers are computed once, without gradients, and what
they gave is put in where the next layer begins. That is exact where a backbone is a plain stack: `splits` asks the
model itself, by a handful of tokens read both ways.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from training.ml import scoring
from training.ml.packed import narrowing, packing, sharing
from training.ml.packed.attention import UnsupportedAttention
from training.ml.packed.packing import Packed


def states(model: Any, packed: Packed, *, count: int) -> Tensor:
    """What the lowest `count` layers make of a row: (1, T, D)."""
    backbone = packing.plain(model).base_model
    with torch.no_grad(), cut(backbone, backbone.layers[:count], norm=nn.Identity()):
        return packing.row(backbone, packed, input_ids=packed.ids)


def hidden(model: Any, packed: Packed, *, below: Tensor, count: int, at: Tensor) -> Tensor:
    """As `packing.hidden`, from what the lowest `count` layers gave: (1, T, D), (N,) -> (N, D)."""
    backbone = packing.plain(model).base_model
    with cut(backbone, backbone.layers[count:], norm=backbone.norm), narrowing.only(backbone, at):
        return packing.row(backbone, packed, inputs_embeds=below)[0, at]


@contextmanager
def cut(backbone: Any, layers: nn.ModuleList, *, norm: nn.Module) -> Iterator[None]:
    """In the block, the backbone has these layers and no others."""
    before = backbone.layers, backbone.norm
    backbone.layers, backbone.norm = layers, norm
    try:
        yield
    finally:
        backbone.layers, backbone.norm = before


def splits(model: Any, *, count: int) -> bool:
    """Whether both parts one after the other give what the whole gives; asked before there are adapters."""
    backbone = packing.plain(model).base_model
    named = dict(backbone.named_children())
    if not isinstance(named.get("layers"), nn.ModuleList) or "norm" not in named or count < 1:
        return False
    items, _ = sharing.trial(backbone.config)
    packed = packing.pack(items, share=False, device=backbone.device)
    try:
        with scoring.evaluating(model):
            whole = packing.hidden(model, packed, at=packed.ends)
            below = states(model, packed, count=count)
            parts = hidden(model, packed, below=below, count=count, at=packed.ends)
    except (UnsupportedAttention, TypeError, ValueError, IndexError):
        return False
    return sharing.close(parts, whole, rounded=False)

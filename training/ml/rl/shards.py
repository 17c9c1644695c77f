"""A frozen backbone cut over processes, each layer gathered when it is its turn (torch's `fully_shard`).

Only what nothing trains is cut: adapters and heads stay whole on every process, so that their gradients are summed,
and they are saved, as without it. A layer is a root of its own, for what is computed here calls the parts of a model
and not the model; embeddings and the output layer stay whole. Every process has to go through the layers as often as
the others (`updates.evened`), and while answers are drawn all layers are gathered once and kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from training.exceptions import InvalidLauncher
from training.ml.packed import narrowing


def cut(backbone: Any) -> list[FSDPModule]:
    """Its layers, in place; parameters that are trained, and adapters that are not, stay as they are.

    Raises:
        InvalidLauncher: it is no stack of layers.
    """
    stacks = [found for name in narrowing.STACKS if (found := getattr(backbone, name, None)) is not None]
    if not stacks:
        raise InvalidLauncher("this base is no plain stack of layers that could be cut: say --accelerate-config ddp")
    mesh = init_device_mesh(backbone.device.type, (torch.distributed.get_world_size(),))
    return [fully_shard(layer, mesh=mesh, ignored_params=adapters_of(layer)) for layer in stacks[0]]


def adapters_of(layer: nn.Module) -> set[nn.Parameter]:
    return {parameter for name, parameter in layer.named_parameters() if "lora_" in name}


def held(model: nn.Module) -> int:
    """Numbers of the model that this process holds."""
    parts = (weight.to_local() if isinstance(weight, DTensor) else weight for weight in model.parameters())
    return sum(part.numel() for part in parts)


@contextmanager
def gathered(layers: Sequence[FSDPModule]) -> Iterator[None]:
    """In the block every process holds these layers whole."""
    for layer in layers:
        layer.set_reshard_after_forward(False)
        layer.unshard()
    try:
        yield
    finally:
        for layer in layers:
            layer.set_reshard_after_forward(True)
            layer.reshard()

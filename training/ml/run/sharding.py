"""A model cut over processes: accelerate is brought to do it on CPUs too, and the model is made whole again.

Under FSDP2 and ZeRO no process holds the model, so none can save it. Before training a blank of it is kept, all but
the weights; afterwards every process gives its shards, and the main one fills the blank with them.
"""

import copy
import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from torch import nn
from torch.distributed._functional_collectives import AsyncCollectiveTensor  # it has no public name

from training.exceptions import InvalidLauncher
from training.ml.run.environment import is_main_process


def on_cpus_too() -> None:
    """Before an accelerator is made: let it shard over CPUs too where the launcher's file says FSDP.

    It falls back to DDP there without a word, because it asks whether the processes are of a kind that has devices;
    torch's `fully_shard` works over gloo. The accelerator then says FSDP of them itself.
    """
    state = PartialState()
    if asked_for_fsdp() and state.distributed_type == DistributedType.MULTI_CPU:
        state.distributed_type = DistributedType.MULTI_GPU


def asked_for_fsdp() -> bool:
    """Of the launcher, which hands its file on through the environment."""
    return is_on("ACCELERATE_USE_FSDP")


def is_on(variable: str) -> bool:
    return os.environ.get(variable, "false").lower() == "true"


def keep_loss_exact(accelerator: Any) -> None:
    """Under FSDP2 in bf16 what the forward pass returns is rounded to bf16: three digits of a loss.

    Gradients are summed over processes in fp32, as DDP does with bf16 autocast.
    """
    plugin: Any = getattr(accelerator.state, "fsdp_plugin", None)
    policy = getattr(plugin, "mixed_precision_policy", None)
    if policy is not None:
        plugin.mixed_precision_policy = dataclasses.replace(policy, output_dtype=None, reduce_dtype=torch.float32)


def is_sharded(trainer: Any) -> bool:
    """
    Raises:
        InvalidLauncher: it should be, and accelerate has silently made it DDP.
    """
    found = bool(trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled)
    if not found and (asked_for_fsdp() or is_on("ACCELERATE_USE_DEEPSPEED")):
        raise InvalidLauncher(
            "the file given to accelerate cuts the model over GPUs, and this training has none: say "
            "--accelerate-config ddp (rm and dpo on rankings know fsdp2 on CPUs too)"
        )
    return found


def blank(model: nn.Module) -> Any:
    """A copy of the model whose weights have shapes only; buffers, which are small and not all saved, are copied."""
    weights = {
        id(weight): nn.Parameter(torch.empty_like(weight, device="meta"), requires_grad=weight.requires_grad)
        for weight in model.parameters()
    }
    return copy.deepcopy(model, weights)  # the memo: what is copied already


@contextmanager
def made_whole(trainer: Any) -> Iterator[None]:
    """After the block, in which it trains, `trainer.model` of the main process is a plain model with all weights."""
    cut = is_sharded(trainer)
    kept = blank(trainer.model) if cut and is_main_process() else None
    yield
    if not cut:
        return
    weights = arrived(trainer.accelerator.get_state_dict(trainer.model_wrapped))  # every process takes part
    if kept is not None:
        filled(kept, weights)
        trainer.accelerator.free_memory()  # the shards go before the whole comes
        trainer.model = trainer.model_wrapped = kept.to(trainer.args.device)


def arrived(weights: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Of weights on CPUs some may still be on their way."""
    return {name: part.wait() if isinstance(part, AsyncCollectiveTensor) else part for name, part in weights.items()}


def filled(kept: Any, weights: dict[str, torch.Tensor]) -> None:
    """The blank, in place, with the weights of the state dict."""
    kept.load_state_dict(weights, assign=True)
    kept.tie_weights()  # a weight under two names came as two

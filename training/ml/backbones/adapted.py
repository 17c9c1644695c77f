"""A linear layer with a low-rank adapter as one product: y = x (W + s·BA)ᵀ + b.

PEFT computes x Wᵀ + s·((x Aᵀ) Bᵀ): two thin products more, a scaling and a sum over every token. Here the adapter is
added to the weights first, which costs what a few tokens cost, and nothing of the size of the tokens is kept for the
gradients but x. Those are of A and B alone, by thin products, as in PEFT; never one of the size of W.

Sums are taken in another order, so that results agree to the last bits. PEFT's own way is left to bf16, where the sum
would round the adapter away, to few tokens (an answer being generated), to adapters that are only read, and to any
that is not a single plain one.
"""

import copy
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.nn import functional

EXACT = (torch.float32, torch.float64)


def computed(shape: LoraConfig, model: Any) -> LoraConfig:
    """The same adapter, on linear layers of this kind; weights that are quantized have layers of PEFT's own."""
    shape = copy.copy(shape)
    if not getattr(model, "is_quantized", False):
        shape._register_custom_module({nn.Linear: AdaptedLinear})
    return shape


class AdaptedLinear(Linear):
    """PEFT's layer in all but how its output is computed."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        name = self.alone()
        if name is None or args or kwargs or not self.is_trained(name) or not self.is_summed_over(x):
            return super().forward(x, *args, **kwargs)
        base = self.get_base_layer()
        out = Product.apply(x, base.weight, self.lora_A[name].weight, self.lora_B[name].weight, self.scaling[name])
        return out if base.bias is None else out + base.bias

    def alone(self) -> str | None:
        """The adapter in use, if it is a plain one and the only one."""
        if self.disable_adapters or self.merged or not is_plain(self.get_base_layer()):
            return None
        names = [name for name in self.active_adapters if name in self.lora_A]
        if len(names) != 1 or names[0] in self.lora_variant or self.lora_bias[names[0]]:
            return None
        return names[0] if isinstance(self.lora_dropout[names[0]], nn.Identity) else None

    def is_trained(self, name: str) -> bool:
        """This adapter, and it alone."""
        adapted = self.lora_A[name].weight.requires_grad and self.lora_B[name].weight.requires_grad
        return adapted and not self.get_base_layer().weight.requires_grad

    def is_summed_over(self, x: Tensor) -> bool:
        """Whether the precision keeps the sum, and at least as many tokens read W as it has rows."""
        weight = self.get_base_layer().weight
        exact = weight.dtype == x.dtype and weight.dtype in EXACT and not torch.is_autocast_enabled(x.device.type)
        return exact and x.numel() >= weight.numel()


def is_plain(layer: nn.Module) -> bool:
    """Whether it computes x Wᵀ + b and nothing else: a subclass, or a hook that moves weights about, may do more."""
    is_hooked = "forward" in vars(layer) or layer._forward_hooks or layer._forward_pre_hooks
    return type(layer) is nn.Linear and not is_hooked


class Product(torch.autograd.Function):
    """x: (…, D), weight: (E, D), down (A): (R, D), up (B): (E, R); (…, E)."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        x, weight, down, up, ctx.scale = given
        ctx.save_for_backward(x, weight, down, up)
        return functional.linear(x, torch.addmm(weight, up, down, alpha=ctx.scale))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, down, up = ctx.saved_tensors
        tokens, above = x.flatten(0, -2), gradients[0].flatten(0, -2)  # (N, D), (N, E)
        thin = above @ (up * ctx.scale)  # (N, R)
        of_down = thin.T @ tokens
        of_up = above.T @ (tokens @ (down * ctx.scale).T)
        of_x = (above @ weight).addmm_(thin, down).view_as(x) if ctx.needs_input_grad[0] else None
        return of_x, None, of_down, of_up, None

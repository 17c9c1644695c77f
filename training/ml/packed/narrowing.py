"""The last layer's feed-forward part only where its output is read: at answers' ends, or where tokens are predicted.

What a token is after the last layer concerns nobody but whoever reads it there, so what the feed-forward part makes
of all other tokens need not be computed. It is most of a layer. Attention needs every token and stays as it is. Left
alone are models whose last layer has no such part of its own (`mlp`), and gradient checkpointing, which runs layers
again when all is put back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

STACKS = ("layers", "h")  # what backbones call their layers


@contextmanager
def only(backbone: Any, at: Tensor) -> Iterator[None]:
    """In the block, the last hidden states of the backbone's row are right at these places (N,) and not elsewhere."""
    part = last_part(backbone)
    if part is None:
        yield
        return
    compute = part.forward
    places = at.unique()  # a prompt's last token predicts the first one of each of its answers

    def narrow(states: Tensor) -> Tensor:
        """(1, T, D), of which only the places are computed."""
        found = compute(states[:, places])
        return found.new_zeros(states.shape).index_copy(1, places, found)

    own = vars(part).get("forward")  # a wrapper's, if it set one
    part.forward = narrow
    try:
        yield
    finally:
        if own is None:
            del part.forward
        else:
            part.forward = own


def last_part(backbone: Any) -> nn.Module | None:
    """The feed-forward part of the last layer, if it is one by itself."""
    if getattr(backbone, "is_activation_checkpointing", False):
        return None
    stack = next(
        (found for name in STACKS if isinstance(found := getattr(backbone, name, None), nn.ModuleList)), None
    )
    part = getattr(stack[-1], "mlp", None) if stack else None
    return part if isinstance(part, nn.Module) and gives_states(part) else None


def gives_states(part: nn.Module) -> bool:
    """A mixture of experts gives its router's choices, too, and those of all tokens are wanted."""
    return not any(word in name for name, _ in part.named_modules() for word in ("router", "experts"))

"""Attention over a packed row: every token sees its own conversation and nothing else, at no price for what it skips.

A row holds blocks one after the other, without padding. A block is a prompt and the answers that branch off it: a
prompt's token sees the prompt up to itself, an answer's token the whole prompt and the answer up to itself. (A
conversation that shares nothing is a prompt without answers; in an encoder its tokens all see each other.)

The function is registered with transformers under `NAME`; `over` switches a model to it for one forward pass and
puts its config back, so that a saved model is a plain one. The layout of the row comes through a context variable,
which every model passes on alike. Gradient checkpointing runs layers again during the backward pass, when all is put
back: `over` has transformers' own checkpointing switch again around each layer. Any other (FSDP's
`CheckpointWrapper`) fails on the shape of the mask, where it would else attend across conversations unseen.

On a CPU blocks are attended one by one, which computes no padding; elsewhere in two batches padded to the longest,
because there launching many small kernels is what costs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import AttentionInterface, AttentionMaskInterface

NAME = "ranking"
UNKNOWN = ("softcap", "s_aux", "position_bias")  # what some models ask of attention and this one does not do


class UnsupportedAttention(ValueError):
    """The model asks for something that attention over a packed row does not do."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lengths in tokens; the answers follow the prompt in the row."""

    prompt: int
    answers: tuple[int, ...] = ()

    @property
    def longest(self) -> int:
        """Tokens of its longest conversation."""
        return self.prompt + max(self.answers, default=0)


@dataclass(frozen=True)
class Layout:
    """Which tokens of a row belong together: its blocks, in order."""

    blocks: tuple[Block, ...]

    @cached_property
    def lengths(self) -> list[int]:
        """Of every prompt and every answer, as they stand in the row."""
        return [length for block in self.blocks for length in (block.prompt, *block.answers)]

    @cached_property
    def longest(self) -> int:
        return max(block.longest for block in self.blocks)

    def indices(self, device: Any) -> "Indices":
        """Made once for all layers of a model."""
        found = self._indices.get(str(device))
        if found is None:
            found = self._indices[str(device)] = Indices.of(self, device)
        return found

    @cached_property
    def _indices(self) -> dict[str, "Indices"]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Indices:
    """Where the tokens of the padded batches stand in the row (0 where nothing stands), and the way back."""

    prompts: Tensor  # (N, P)
    known: Tensor  # (N, P) bool: False at padding
    answers: Tensor  # (R, A); R may be 0
    keys: Tensor  # (R, P + A): an answer's prompt, then itself
    mask: Tensor  # (R, 1, A, P + A) bool: True where an answer's token may look
    back: Tensor  # (T,) into the tokens of both batches, flattened and laid end to end

    @classmethod
    def of(cls, layout: Layout, device: Any) -> "Indices":
        row = torch.arange(sum(layout.lengths), device=device)
        pieces = iter(row.split(layout.lengths))
        of_prompts, of_answers, owners = [], [], []
        for number, block in enumerate(layout.blocks):
            of_prompts.append(next(pieces))
            of_answers += [next(pieces) for _ in block.answers]
            owners += [number] * len(block.answers)
        prompts, known = padded(of_prompts, device)
        answers, written = padded(of_answers, device)
        theirs = torch.tensor(owners, dtype=torch.long, device=device)
        causal = torch.ones(answers.shape[1], answers.shape[1], dtype=torch.bool, device=device).tril()  # (A, A)
        seen = known[theirs][:, None, :].expand(-1, answers.shape[1], -1)  # (R, A, P)
        mask = torch.cat([seen, causal.expand(len(answers), -1, -1)], dim=2)  # (R, A, P + A)
        places = torch.cat([prompts[known], answers[written]])  # (T,), of the tokens that are no padding
        flat = torch.cat([known.flatten(), written.flatten()]).nonzero().squeeze(1)  # (T,)
        back = torch.empty_like(flat)
        back[places] = flat
        keys = torch.cat([prompts[theirs], answers], dim=1)
        return cls(prompts=prompts, known=known, answers=answers, keys=keys, mask=mask[:, None], back=back)


def padded(pieces: Sequence[Tensor], device: Any) -> tuple[Tensor, Tensor]:
    """Pieces of a row, padded on the right with 0, and where they are no padding: (N, longest) each."""
    if not pieces:
        return torch.zeros(0, 0, dtype=torch.long, device=device), torch.zeros(0, 0, dtype=torch.bool, device=device)
    numbers = pad_sequence(list(pieces), batch_first=True, padding_value=-1)
    return numbers.clamp(min=0), numbers >= 0


LAYOUT: ContextVar[Layout] = ContextVar("layout of the packed row")


@contextmanager
def over(backbone: Any, layout: Layout) -> Iterator[None]:
    """In the block, `backbone` attends within the blocks of the row that it is called with."""
    checkpointed = [module for module in backbone.modules() if "_gradient_checkpointing_func" in vars(module)]
    before = [module._gradient_checkpointing_func for module in checkpointed]
    for module, checkpoint in zip(checkpointed, before, strict=True):
        module._gradient_checkpointing_func = again(checkpoint, backbone.config, layout)
    try:
        with switched(backbone.config, layout):
            yield
    finally:
        for module, checkpoint in zip(checkpointed, before, strict=True):
            module._gradient_checkpointing_func = checkpoint


@contextmanager
def switched(config: Any, layout: Layout) -> Iterator[None]:
    before = config._attn_implementation
    token = LAYOUT.set(layout)
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        LAYOUT.reset(token)


def again(checkpoint: Callable[..., Any], config: Any, layout: Layout) -> Callable[..., Any]:
    """`checkpoint` for layers that must find our attention whenever they run."""

    def run(layer: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return checkpoint(partial(inside, layer), *args, **kwargs)

    def inside(layer: Callable[..., Any], *args: Any) -> Any:
        with switched(config, layout):
            return layer(*args)

    return run


def packed_attention(  # noqa: PLR0917 - transformers calls it so
    module: Any,
    query: Tensor,  # (1, H, T, d)
    key: Tensor,  # (1, G, T, d), H a multiple of G
    value: Tensor,  # (1, G, T, d)
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **asked: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in every layer: (1, T, H, d), and no attention weights.

    Raises:
        UnsupportedAttention: the layer asks for more than this does.
    """
    layout = LAYOUT.get()
    causal = bool(getattr(module, "is_causal", True) if asked.get("is_causal") is None else asked["is_causal"])
    check(layout, causal=causal, asked=asked)
    if query.shape[1] != key.shape[1]:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    attend = partial(F.scaled_dot_product_attention, scale=scaling, dropout_p=dropout)
    compute = one_by_one if query.device.type == "cpu" else in_batches
    return compute(query, key, value, layout, causal=causal, attend=attend), None


def check(layout: Layout, *, causal: bool, asked: dict[str, Any]) -> None:
    wanted = [name for name in UNKNOWN if asked.get(name) is not None]
    window = asked.get("sliding_window")
    if window is not None and window < layout.longest:
        wanted.append("sliding_window")
    if wanted:
        raise UnsupportedAttention(f"attention over packed rows does not do {', '.join(wanted)}")
    if not causal and any(block.answers for block in layout.blocks):
        raise UnsupportedAttention("a bidirectional layer cannot share a prompt between answers")


def one_by_one(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, *, causal: bool, attend: Callable[..., Tensor]
) -> Tensor:
    """Block after block, answer after answer: (1, T, H, d). Cut with `split`, whose gradient is one `cat`."""
    pieces = zip(*(x.split(layout.lengths, dim=2) for x in (query, key, value)), strict=True)
    outputs = []
    for block in layout.blocks:
        q, prompt_k, prompt_v = next(pieces)
        outputs.append(attend(q, prompt_k, prompt_v, is_causal=causal))  # (1, H, P, d)
        for length in block.answers:
            q, k, v = next(pieces)
            mask = torch.ones(length, block.prompt + length, dtype=torch.bool, device=q.device).tril(block.prompt)
            outputs.append(  # (1, H, A, d)
                attend(q, torch.cat([prompt_k, k], dim=2), torch.cat([prompt_v, v], dim=2), attn_mask=mask)
            )
    return torch.cat([output.transpose(1, 2) for output in outputs], dim=1)


def in_batches(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, *, causal: bool, attend: Callable[..., Tensor]
) -> Tensor:
    """All prompts at once, then all answers at once, each padded to its longest: (1, T, H, d)."""
    at = layout.indices(query.device)
    q, k, v = (gathered(x, at.prompts) for x in (query, key, value))
    seen = None if causal else at.known[:, None, None, :]  # what is padded on the right, no causal query sees
    outputs = [attend(q, k, v, attn_mask=seen, is_causal=causal)]  # (N, H, P, d)
    if len(at.answers):
        q, k, v = gathered(query, at.answers), gathered(key, at.keys), gathered(value, at.keys)
        outputs.append(attend(q, k, v, attn_mask=at.mask))  # (R, H, A, d)
    flat = torch.cat([output.transpose(1, 2).flatten(0, 1) for output in outputs])  # (N * P + R * A, H, d)
    return flat[at.back][None]


def gathered(row: Tensor, index: Tensor) -> Tensor:
    """(1, H, T, d) at (N, L): (N, H, L, d)."""
    return row[0].transpose(0, 1)[index].transpose(1, 2)


def unusable_mask(*, q_length: int, device: Any, **kwargs: Any) -> Tensor:
    """Fits no other attention: a layer that is run again outside `over` must fail, not see the whole row."""
    return torch.empty(1, 1, q_length, 0, dtype=torch.bool, device=device)


AttentionInterface.register(NAME, packed_attention)
AttentionMaskInterface.register(NAME, unusable_mask)

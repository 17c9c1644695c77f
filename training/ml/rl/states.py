"""What a model says at each token of an answer: log-probabilities with their entropy, or values.

Rollouts are read packed, without padding, where the model allows it (`packed`), else padded on the right; logits are
computed only where an answer's token is predicted. What is found does not hang on what shares the batch, beyond the
last bits of floating point. Everything is in the order of the rollouts, their tokens end to end: T in all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from training.ml import scoring
from training.ml.packed import lower, packing
from training.ml.packed.packing import Packed
from training.ml.rl import objectives
from training.ml.rl.rollouts import Rollout


@dataclass(frozen=True, kw_only=True)
class Said:
    """Of each token of the answers its log-probability (T,), and what it was drawn from, as logarithms (T, V)."""

    log_probs: Tensor
    distributions: Tensor

    @property
    def entropies(self) -> Tensor:
        """In nats: (T,)"""
        return objectives.entropies(self.distributions)


@dataclass(frozen=True, kw_only=True)
class How:
    """How rollouts are read. `precision`: fp32 or bf16 (autocast); `below`: what is known of the lower layers."""

    packed: bool
    pad: int
    precision: str = "fp32"
    below: "Below | None" = None

    def autocast(self, model: Any) -> Any:
        return torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")


def said(model: Any, rollouts: Sequence[Rollout], *, how: How, temperature: float) -> Said:
    """By a language model or its PEFT wrapper, at this temperature, with gradients."""
    with how.autocast(model):
        logits = logits_of(model, rollouts, how=how)  # (T, V)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32)).div_(temperature)  # (T, V) is large
    found = logits.log_softmax(-1)
    tokens = torch.tensor([token for rollout in rollouts for token in rollout.answer], device=logits.device)
    return Said(log_probs=found.gather(1, tokens[:, None]).squeeze(1), distributions=found)


def logits_of(model: Any, rollouts: Sequence[Rollout], *, how: How) -> Tensor:
    """(T, V)"""
    if how.packed:
        return packing.plain(model).get_output_embeddings()(hidden(model, rollouts, how=how))
    ids, mask = padded(rollouts, pad=how.pad, device=model.device)
    return model(input_ids=ids, attention_mask=mask).logits[predictors(rollouts)]


def hidden(model: Any, rollouts: Sequence[Rollout], *, how: How) -> Tensor:
    """The backbone's last hidden states after which each token of the answers comes: (T, D)."""
    if how.packed:
        row = row_of(rollouts, device=model.device)
        if how.below is None:
            return packing.hidden(model, row, at=row.predictors)
        below = how.below.of(model, rollouts)
        return lower.hidden(model, row, below=below, count=how.below.count, at=row.predictors)
    ids, mask = padded(rollouts, pad=how.pad, device=model.device)
    states = packing.plain(model).base_model(input_ids=ids, attention_mask=mask, use_cache=False)
    return states.last_hidden_state[predictors(rollouts)]


def row_of(rollouts: Sequence[Rollout], *, device: Any) -> Packed:
    return packing.pack([(found.prompt.ids, [found.answer]) for found in rollouts], share=False, device=device)


@dataclass(frozen=True, kw_only=True)
class Below:
    """What the lowest `count` layers, which nothing trains, made of each rollout: (1, t, D). Until `forget`."""

    count: int
    known: dict[tuple[int, ...], Tensor] = field(default_factory=dict)

    def of(self, model: Any, rollouts: Sequence[Rollout]) -> Tensor:
        """End to end: (1, T, D)."""
        keys = [tuple(rollout.prompt.ids + rollout.answer) for rollout in rollouts]
        missing = {key: rollout for key, rollout in zip(keys, rollouts, strict=True) if key not in self.known}
        if missing:
            row = row_of(list(missing.values()), device=model.device)
            found = lower.states(model, row, count=self.count)
            self.known.update(zip(missing, found.split([len(key) for key in missing], dim=1), strict=True))
        return torch.cat([self.known[key] for key in keys], dim=1)

    def forget(self) -> None:
        self.known.clear()


def padded(rollouts: Sequence[Rollout], *, pad: int, device: Any) -> tuple[Tensor, Tensor]:
    return scoring.padded([rollout.prompt.ids + rollout.answer for rollout in rollouts], pad=pad, device=device)


def predictors(rollouts: Sequence[Rollout]) -> tuple[list[int], list[int]]:
    """Row and column of what predicts each token, in the padded batch."""
    rows: list[int] = []
    columns: list[int] = []
    for row, rollout in enumerate(rollouts):
        rows += [row] * len(rollout.answer)
        first = len(rollout.prompt.ids) - 1
        columns += range(first, first + len(rollout.answer))
    return rows, columns


def owners(rollouts: Sequence[Rollout], *, device: Any = "cpu") -> Tensor:
    """Which rollout each token belongs to: (T,)"""
    lengths = torch.tensor([len(rollout.answer) for rollout in rollouts], device=device)
    return torch.arange(len(rollouts), device=device).repeat_interleave(lengths)


def in_batches(
    rollouts: Sequence[Rollout], compute: Callable[[Sequence[Rollout]], Tensor], *, size: int
) -> list[Tensor]:
    """`compute` gives numbers of all tokens (T,) of a batch; what it says of each rollout, in their order."""
    found: dict[int, Tensor] = {}
    for places in by_length(rollouts, size=size):
        batch = [rollouts[place] for place in places]
        parts = compute(batch).split([len(rollout.answer) for rollout in batch])
        found.update(zip(places, parts, strict=True))
    return [found[place] for place in range(len(rollouts))]


def by_length(rollouts: Sequence[Rollout], *, size: int) -> Iterator[list[int]]:
    conversations = [rollout.prompt.ids + rollout.answer for rollout in rollouts]
    return scoring.by_length(conversations, batch_size=size)

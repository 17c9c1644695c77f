"""Answers that the policy gives while it learns: what they are, and how they are drawn in this process.

Sampling is from the policy at a temperature and nothing is cut off, so that the log-probabilities of training are
those that the tokens were drawn by. Every answer draws from a stream of random numbers of its own, named by the run's
seed, the prompt and the draw: which others share its batch does not change it, and a run that goes on after a kill
has nothing to restore. Prompts are padded on the left and sorted by length; answers that have ended leave the batch.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from training.ml.data.conversations import Tokenizer, end_of
from training.ml.data.releases import Message

SHRINK = 0.75  # a batch is made smaller when no more than this share of it still writes


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """`ids`: the tokens after which an answer begins."""

    id: str
    messages: list[Message]
    ids: list[int]


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """An answer in tokens, its end token with them where it ended, and as text without special tokens."""

    prompt: Prompt
    answer: list[int]
    text: str
    ended: bool


class Generator(Protocol):
    """`draw` names the draw: the same one with the same weights gives the same answers. `numbers`: the how manieth
    answer to its prompt each is, from 0, where other processes draw some of them."""

    def __call__(
        self, prompts: Sequence[Prompt], *, draw: str, numbers: Sequence[int] | None = None
    ) -> list[Rollout]: ...


def rollout_of(prompt: Prompt, tokens: Sequence[int], tokenizer: Tokenizer) -> Rollout:
    """What was drawn, up to its end token, as text that any reward model can read."""
    end = end_of(tokenizer)
    ended = end in tokens
    answer = list(tokens[: tokens.index(end) + 1] if ended else tokens)
    text = tokenizer.decode(answer, skip_special_tokens=True).replace("\x00", "\ufffd")  # no database keeps NUL
    return Rollout(prompt=prompt, answer=answer, text=text, ended=ended)


def stream(*, seed: int, prompt: str, draw: str, length: int) -> "np.ndarray[Any, Any]":
    """Uniform numbers, one for each token of an answer."""
    digest = hashlib.sha256(json.dumps([seed, prompt, draw]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big")).random(length)


@dataclass(frozen=True, kw_only=True)
class Local:
    """Draws answers from a model in this process."""

    model: Any
    tokenizer: Tokenizer
    max_new_tokens: int
    temperature: float
    seed: int
    batch_size: int

    def __call__(
        self, prompts: Sequence[Prompt], *, draw: str, numbers: Sequence[int] | None = None
    ) -> list[Rollout]:
        """One answer to each prompt, in their order; a prompt may stand in it several times."""
        names = named(prompts, draw=draw, numbers=numbers)
        order = sorted(range(len(prompts)), key=lambda place: (-len(prompts[place].ids), place))
        found: dict[int, Rollout] = {}
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            for place, tokens in zip(places, self.drawn([(prompts[i], names[i]) for i in places]), strict=True):
                found[place] = rollout_of(prompts[place], tokens, self.tokenizer)
        return [found[place] for place in range(len(prompts))]

    def drawn(self, batch: Sequence[tuple[Prompt, str]]) -> list[list[int]]:
        uniforms = np.stack(
            [
                stream(seed=self.seed, prompt=prompt.id, draw=name, length=self.max_new_tokens)
                for prompt, name in batch
            ]
        )
        return decode(
            self.model,
            [prompt.ids for prompt, _ in batch],
            uniforms=torch.from_numpy(uniforms),
            temperature=self.temperature,
            pad=int(self.tokenizer.pad_token_id),
            end=end_of(self.tokenizer),
        )


def named(prompts: Sequence[Prompt], *, draw: str, numbers: Sequence[int] | None) -> list[str]:
    """The draw's name for each answer: the second one to a prompt is another draw."""
    found = numbers_of([prompt.id for prompt in prompts]) if numbers is None else numbers
    return [f"{draw}, {number}" if number else draw for number in found]


def numbers_of(ids: Sequence[str]) -> list[int]:
    """How often each stood there before."""
    seen: Counter[str] = Counter()
    found = []
    for one in ids:
        found.append(seen[one])
        seen[one] += 1
    return found


@dataclass(kw_only=True)
class Batch:
    """Answers that are being written. `rows`: which ones these are, of all that were asked for."""

    ids: Tensor  # (B, T) what the model reads next
    mask: Tensor  # (B, P + N) False at padding
    positions: Tensor  # (B, T)
    rows: Tensor  # (B,)
    writing: Tensor  # (B,) bool: has not ended yet

    @classmethod
    def of(cls, prompts: Sequence[Sequence[int]], *, pad: int, device: Any) -> "Batch":
        longest = max(map(len, prompts))
        ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
        rows = torch.arange(len(prompts), device=device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        return cls(
            ids=ids, mask=mask, positions=positions, rows=rows, writing=torch.ones_like(rows, dtype=torch.bool)
        )

    def add(self, tokens: Tensor, *, end: int) -> None:
        """(B,)"""
        self.writing = self.writing & (tokens != end)
        self.ids, self.positions = tokens[:, None], self.positions[:, -1:] + 1
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)

    def shrink(self, cache: DynamicCache) -> None:
        """Without those that have ended, once they are enough to be worth the copying."""
        if int(self.writing.sum()) > SHRINK * len(self.rows):
            return
        keep = self.writing.nonzero().squeeze(1)
        for name in ("ids", "mask", "positions", "rows", "writing"):
            setattr(self, name, getattr(self, name)[keep])
        if len(keep):
            cache.batch_select_indices(keep)


def decode(
    model: Any, prompts: Sequence[Sequence[int]], *, uniforms: Tensor, temperature: float, pad: int, end: int
) -> list[list[int]]:
    """Tokens of an answer to each prompt, up to its end token or the width of `uniforms` (B, N)."""
    batch = Batch.of(prompts, pad=pad, device=model.device)
    padded = not bool(batch.mask.all())  # attention without a mask is faster
    cache = DynamicCache(config=model.config)
    uniforms = uniforms.to(model.device)
    drawn = torch.full(uniforms.shape, end, dtype=torch.long, device=model.device)
    for step in range(uniforms.shape[1]):
        with torch.inference_mode():
            output = model(
                input_ids=batch.ids,
                attention_mask=batch.mask if padded else None,
                position_ids=batch.positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            tokens = inverse_transform(output.logits[:, -1], uniforms[batch.rows, step], temperature=temperature)
            drawn[batch.rows[batch.writing], step] = tokens[batch.writing]
            batch.add(tokens, end=end)
            batch.shrink(cache)
        if not len(batch.rows):
            break
    return [up_to(answer, end) for answer in drawn.tolist()]


def inverse_transform(logits: Tensor, uniforms: Tensor, *, temperature: float) -> Tensor:
    """The token at which the cumulative distribution passes the uniform number: (B, V), (B,) -> (B,)"""
    reached = torch.softmax(logits.float() / temperature, dim=-1).double().cumsum(-1)  # (B, V)
    place = torch.searchsorted(reached, uniforms.to(reached)[:, None] * reached[:, -1:], right=True)  # (B, 1)
    return place.squeeze(1).clamp(max=logits.shape[1] - 1)


def up_to(answer: list[int], end: int) -> list[int]:
    """With its end token, where there is one."""
    return answer[: answer.index(end) + 1] if end in answer else answer

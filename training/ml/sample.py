"""Answers of a policy to prompts, batched, with each answer's own stream of random numbers.

Every answer draws from a stream seeded by (seed, prompt id, index): which others share its batch, or where a killed
run went on, does not change it (beyond the last bits of floating point). Prompts are padded on the left and sorted by
length. Nucleus sampling: 1904.09751.

    python -m training.ml runs/<name>        # config.json: {"kind": "sample", …}, prompts.jsonl: {"id", "messages"}
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from training.exceptions import InvalidRun
from training.ml.backbones import bases
from training.ml.backbones.bases import Base
from training.ml.data.conversations import Encoder, Tokenizer, end_of
from training.ml.data.releases import Message
from training.ml.knobs import SampleKnobs
from training.ml.reporting import reports
from training.ml.run import machine
from training.ml.run.progress import bar
from training.ml.run.rundir import Config, RunDirectory, append_line, line_of, read_lines, write_json, write_text


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One answer still to be drawn: the `index`-th to the prompt `id`."""

    id: str
    index: int
    prompt: list[int]

    def stream(self, *, seed: int, length: int) -> "np.ndarray[Any, Any]":
        """Uniform numbers, one for each token."""
        digest = hashlib.sha256(json.dumps([seed, self.id, self.index]).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16], "big")).random(length)


def run(directory: RunDirectory, config: Config, knobs: SampleKnobs) -> None:
    here = machine.resolve(knobs)
    machine.make_deterministic(seed=config.seed, threads=here.threads)
    prompts = read_prompts(directory)
    base = bases.find(config, knobs=knobs)
    model = bases.load_causal(base, machine=here)
    encoder = encoder_of(base, knobs)
    wanted = list(answers_wanted(prompts, n=knobs.n, encoder=encoder, room=room_of(base, knobs)))
    done = kept_responses(directory)
    left = [item for item in wanted if (item.id, item.index) not in done]
    progress = bar(total=len(wanted), what="Sampling", unit="answer", done=len(wanted) - len(left))
    for batch in batches(left, size=knobs.batch_size):
        for item, response in zip(
            batch, generate(model, base.tokenizer, batch, knobs=knobs, seed=config.seed), strict=True
        ):
            append_line(directory.responses, {"id": item.id, "index": item.index, **response})
            progress.update()
    progress.close()
    put_in_order(directory, wanted)
    report(directory, config, base, prompts=len(prompts), answers=len(wanted), encoder=encoder, here=here)


def read_prompts(directory: RunDirectory) -> list[tuple[str, list[Message]]]:
    """
    Raises:
        InvalidRun: there are none, or one is not {"id", "messages"}.
    """
    try:
        found = [(str(record["id"]), list(record["messages"])) for record in read_lines(directory.prompts)]
    except (KeyError, TypeError, ValueError):
        raise InvalidRun(f'{directory.prompts}: expected {{"id", "messages"}} on every line') from None
    if not found:
        raise InvalidRun(f"{directory.prompts} holds no prompts: there is nothing to answer")
    if len({identity for identity, _ in found}) < len(found):
        raise InvalidRun(f"{directory.prompts}: an id stands twice")
    return found


def room_of(base: Base, knobs: SampleKnobs) -> int:
    """Tokens of the context that an answer of full length leaves for the prompt."""
    return context_of(base) - min(knobs.max_new_tokens, context_of(base) // 2)


def context_of(base: Base) -> int:
    return base.context(bases.NO_LIMIT - 1)


def encoder_of(base: Base, knobs: SampleKnobs) -> Encoder:
    return Encoder(base.tokenizer, max_length=context_of(base), overlong=knobs.overlong)


def answers_wanted(
    prompts: Sequence[tuple[str, list[Message]]], *, n: int, encoder: Encoder, room: int
) -> Iterator[Wanted]:
    for identity, messages in prompts:
        ids = encoder.encode_prompt(messages, room=room)
        if ids is not None:
            yield from (Wanted(id=identity, index=index, prompt=ids) for index in range(n))


def kept_responses(directory: RunDirectory) -> set[tuple[str, int]]:
    """What an earlier attempt wrote whole; the rest of a cut line is removed."""
    records = list(read_lines(directory.responses))
    write_text(directory.responses, "".join(map(line_of, records)))
    return {(record["id"], record["index"]) for record in records}


def batches(wanted: Sequence[Wanted], *, size: int) -> Iterator[list[Wanted]]:
    order = sorted(wanted, key=lambda item: (-len(item.prompt), item.id, item.index))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def put_in_order(directory: RunDirectory, wanted: Sequence[Wanted]) -> None:
    """The lines by prompt and index: the same file whatever the batches were."""
    records = {(record["id"], record["index"]): record for record in read_lines(directory.responses)}
    write_text(directory.responses, "".join(line_of(records[item.id, item.index]) for item in wanted))


def generate(
    model: Any, tokenizer: Tokenizer, batch: Sequence[Wanted], *, knobs: SampleKnobs, seed: int
) -> list[dict[str, Any]]:
    """`{"text", "sampling"}` for each answer of the batch."""
    found = drawn(model, tokenizer, batch, knobs=knobs, seed=seed)
    return [
        response_of(tokens, tokenizer, end=end_of(tokenizer), index=item.index, knobs=knobs, seed=seed)
        for tokens, item in zip(found, batch, strict=True)
    ]


def drawn(
    model: Any, tokenizer: Tokenizer, batch: Sequence[Wanted], *, knobs: SampleKnobs, seed: int
) -> list[list[int]]:
    """The tokens of each answer of the batch, its end token with them; what comes after that says nothing."""
    longest = max(len(item.prompt) for item in batch)
    pad = tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(item.prompt)) + item.prompt for item in batch])  # (B, T)
    mask = torch.tensor([[0] * (longest - len(item.prompt)) + [1] * len(item.prompt) for item in batch])
    streams = np.stack([item.stream(seed=seed, length=knobs.max_new_tokens) for item in batch])  # (B, N)
    with torch.inference_mode():
        found = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=min(knobs.max_new_tokens, room_left(model, longest)),
            do_sample=False,  # SeededNucleus has drawn already: it leaves one token possible
            temperature=None,
            top_p=None,
            top_k=None,
            eos_token_id=end_of(tokenizer),
            pad_token_id=pad,
            logits_processor=[SeededNucleus(torch.from_numpy(streams), knobs=knobs, start=longest)],
        )
    answers: list[list[int]] = found[:, longest:].tolist()
    return answers


def room_left(model: Any, longest: int) -> int:
    limit = getattr(model.config, "max_position_embeddings", None)
    return max(limit - longest, 1) if limit else bases.NO_LIMIT


class SeededNucleus(LogitsProcessor):
    """Temperature and top-p, then a token by inverse transform from each row's own uniform numbers."""

    def __init__(self, uniforms: torch.Tensor, *, knobs: SampleKnobs, start: int) -> None:
        self.uniforms = uniforms  # (B, N)
        self.knobs = knobs
        self.start = start

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """(B, T), (B, V) -> (B, V) in which all but the drawn token are impossible."""
        if self.knobs.temperature == 0:
            return scores
        step = input_ids.shape[1] - self.start
        order = scores.argsort(dim=-1, descending=True, stable=True)  # (B, V)
        chances = torch.softmax(scores.double().gather(1, order) / self.knobs.temperature, dim=-1)
        reached = chances.cumsum(-1)  # (B, V)
        kept = (reached - chances < self.knobs.top_p) | (torch.arange(chances.shape[1], device=scores.device) == 0)
        reached = (chances * kept).cumsum(-1)
        drawn = self.uniforms[:, step : step + 1].to(reached) * reached[:, -1:]  # (B, 1)
        place = torch.searchsorted(reached, drawn, right=True).clamp(max=reached.shape[1] - 1)  # (B, 1)
        place = torch.minimum(place, kept.sum(1, keepdim=True) - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, order.gather(1, place), 0.0)


def response_of(
    tokens: list[int], tokenizer: Tokenizer, *, end: int, index: int, knobs: SampleKnobs, seed: int
) -> dict[str, Any]:
    ended = end in tokens
    kept = tokens[: tokens.index(end)] if ended else tokens
    text = tokenizer.decode(kept, skip_special_tokens=True).replace("\x00", "\ufffd")  # no database keeps NUL
    sampling = {
        "temperature": knobs.temperature,
        "top_p": knobs.top_p,
        "max_new_tokens": knobs.max_new_tokens,
        "seed": seed,
        "index": index,
        "finish": "stop" if ended else "length",
    }
    return {"text": text, "sampling": sampling}


def report(
    directory: RunDirectory,
    config: Config,
    base: Base,
    *,
    prompts: int,
    answers: int,
    encoder: Encoder,
    here: machine.Machine,
) -> None:
    records = list(read_lines(directory.responses))
    data = {"prompts": prompts, "answers": answers, **encoder.lengths.as_dict()}
    cut = sum(record["sampling"]["finish"] == "length" for record in records)
    warnings = [*base.warnings, *reports.length_warnings(data)]
    if cut:
        warnings.append(f"{cut} of {answers} answers reached max_new_tokens before they ended")
    assembled = reports.assemble(
        config=config,
        headline=f"{answers} answers to {prompts} prompts.",
        warnings=warnings,
        base=base.describe(),
        resolved={"device": here.device, "precision": here.precision, "threads": here.threads},
        data=data,
    )
    write_json(directory.report, assembled)

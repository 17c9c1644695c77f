"""What is trained on and in which order: a share of general examples among one's own, and a curriculum.

Mixing general data in keeps a model from forgetting what it could do before (InstructGPT's pretraining mix,
2203.02155, §3.5; replay, 2403.08763). The share is of examples, not of tokens; the report gives both.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.exceptions import InvalidRun
from training.ml import scoring
from training.ml.data.conversations import Encoder, Tokens
from training.ml.data.files import File
from training.ml.data.releases import Row
from training.ml.demonstrations import demonstrated, encode
from training.ml.knobs import SftKnobs
from training.ml.run.jobs import Job


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The general examples of a run. `wanted`: how many would make the share; there may be fewer."""

    wanted: int
    examples: list[Tokens]
    dropped: int

    def describe(self, own: Sequence[Tokens]) -> dict[str, Any]:
        """For the report: shares of the examples and of the tokens trained on."""
        tokens = sum(len(item.ids) for item in self.examples)
        total = tokens + sum(len(item.ids) for item in own)
        return {
            "examples": len(self.examples),
            "wanted": self.wanted,
            "dropped": self.dropped,
            "tokens": tokens,
            "share_of_examples": round(len(self.examples) / (len(self.examples) + len(own)), 6),
            "share_of_tokens": round(tokens / total, 6),
        }

    def warnings(self) -> list[str]:
        if len(self.examples) == self.wanted:
            return []
        return [
            f"only {len(self.examples)} general examples could be mixed in where mix_ratio asks for {self.wanted}"
        ]


def file_of(job: Job[SftKnobs], role: str) -> File | None:
    """The file that the knob `role` names.

    Raises:
        InvalidRun: the knob names one, but config.json does not say which.
    """
    found = job.files.get(role)
    if found:
        return found[0]
    if name := getattr(job.knobs, role):
        raise InvalidRun(f"{role}={name}: config.json has no file for it; let manage.py train_sft write the run")
    return None


def mix_of(job: Job[SftKnobs], *, own: int) -> Mix | None:
    """General examples from the train part of `mix`, drawn by the seed without repetition, beside `own` others."""
    file = file_of(job, "mix")
    if file is None or not job.knobs.mix_ratio:
        return None
    wanted = count(own, ratio=job.knobs.mix_ratio)
    encoder = Encoder(job.base.tokenizer, max_length=job.encoder.max_length, overlong="drop")
    examples: list[Tokens] = []
    for row in shuffled(file.of("train"), seed=job.config.seed):
        if len(examples) == wanted:
            break
        examples += encode(demonstrated([row]), encoder=encoder)
    return Mix(wanted=wanted, examples=examples, dropped=encoder.lengths.dropped)


def count(own: int, *, ratio: float) -> int:
    """How many others make the share `ratio` of all: n / (n + own) = ratio; at least one."""
    return max(1, round(own * ratio / (1 - ratio)))


def shuffled(rows: Sequence[Row], *, seed: int) -> Iterator[Row]:
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)  # noqa: S311 - drawn to be repeated, not to be secret
    return (rows[place] for place in order)


def in_order(examples: Sequence[Tokens], *, curriculum: str, model: Any, pad: int) -> list[Tokens]:
    """The easy ones first; as they are if the trainer shuffles. Equals keep their order."""
    if curriculum == "off":
        return list(examples)
    keys = (
        [len(example.ids) for example in examples] if curriculum == "length" else difficulties(model, examples, pad)
    )
    return [examples[place] for place in sorted(range(len(examples)), key=lambda place: (keys[place], place))]


def difficulties(model: Any, examples: Sequence[Tokens], pad: int) -> list[float]:
    """The model's loss per answer token of each example."""
    log_probs = scoring.answer_log_probs(model, examples, pad=pad)
    return [-found / len(example.answer) for found, example in zip(log_probs, examples, strict=True)]

"""How fast a run reads, how much of what it computes is padding, and how much memory it takes.

    tokens per second = tokens that the model was given to read, padding left out / seconds of training
    padding share     = 1 - tokens / places of the batches

A process counts its own batches where they are put together, and all processes are taken to read as much as it does;
there a prompt with many answers counts once. Memory is the highest that the process had resident (getrusage), on a
GPU the highest that torch had allocated there since the training began. None of this decides a result: it differs
from one run to the next, so it stands in timing.json and not in the report.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from training.ml.run.rundir import RunDirectory, read_json, write_json

MEBIBYTE = 2**20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of ru_maxrss

Collate = Callable[[list[Any]], dict[str, Any]]


@dataclass
class Meter:
    """`places`: tokens and padding, of batches that are padded tensors."""

    processes: int = 1
    tokens: int = 0
    places: int = 0
    begun: float = field(default_factory=time.perf_counter)
    last: tuple[int, float] = field(init=False)  # tokens and time of the last look

    def __post_init__(self) -> None:
        self.last = (self.tokens, self.begun)

    def counting(self, collate: Collate) -> Collate:
        """The collator, counted."""

        def counted(examples: list[Any]) -> dict[str, Any]:
            batch = collate(examples)
            tokens, places = size_of(batch)
            self.tokens += tokens
            self.places += places
            return batch

        return counted

    def begin(self) -> None:
        """The time before the first step (weights loaded, a reference computed) is not the training's."""
        self.begun = time.perf_counter()
        self.last = (self.tokens, self.begun)
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()

    def recent(self) -> float:
        """Tokens per second since this was asked last."""
        now = (self.tokens, time.perf_counter())
        (before, then), self.last = self.last, now
        return self.processes * (now[0] - before) / max(now[1] - then, 1e-9)

    def describe(self) -> dict[str, Any]:
        """For timing.json; without a token read (a run that was resumed after its last step) there is no speed."""
        found: dict[str, Any] = {"peak_memory_mb": round(peak_memory() / MEBIBYTE, 1)}
        if self.tokens:
            seconds = time.perf_counter() - self.begun
            found["training_seconds"] = round(seconds, 3)
            found["training_tokens"] = self.processes * self.tokens
            found["tokens_per_second"] = round(self.processes * self.tokens / seconds, 1)
        if self.places:
            found["padding_share"] = round(1 - self.tokens / self.places, 6)
        return found


def size_of(batch: dict[str, Any]) -> tuple[int, int]:
    """Tokens and places: of prompts with answers (places unknown), of padded rows, or of one packed row."""
    if "items" in batch:
        return sum(item.tokens for item in batch["items"]), 0
    places = int(batch["input_ids"].numel())
    return (int(batch["attention_mask"].sum()) if "attention_mask" in batch else places), places


def peak_memory() -> int:
    """Bytes."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def note(directory: RunDirectory, found: dict[str, Any]) -> None:
    """Add to timing.json."""
    write_json(directory.timing, (read_json(directory.timing) or {}) | found)

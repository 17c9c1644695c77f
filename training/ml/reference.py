"""The log-probabilities of answers under the reference, computed once for every run that starts from the same base.

The reference of DPO is the base before its first step: no second model is kept, under LoRA or without. What it says
of an answer hangs on nothing that is trained, so it is kept on disk (`reference_cache`) and looked up by two hashes:
of the reference (its weights, and how it computes) and of the conversation in tokens.

On a CPU each row holds one prompt, so that a value does not hang on what else a run computes: a run that finds values
ends as one that has to compute them (but for last bits, where the other run compared other answers to a prompt).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

from training.ml.data import batches
from training.ml.data.batches import Item
from training.ml.reference_cache import Cache
from training.ml.run.machine import Machine
from training.ml.run.progress import bar

ROWS_A_WRITE = 32
LIBRARIES = ("torch", "transformers")  # another version may compute other last bits

Compute = Callable[[Sequence[Item]], Sequence[float]]  # the log-probability of each answer of a row


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the reference says of the answers it was asked for; `known` of them were found on disk."""

    values: Mapping[bytes, float]  # by conversation
    known: int

    def of(self, items: Sequence[Item]) -> list[float]:
        """The log-probability of each answer, in order: (R,)."""
        return [self.values[key] for item in items for key in keys_of(item)]

    def describe(self) -> dict[str, int]:
        """For timing.json: what is known of a reference before a run hangs on earlier ones."""
        return {"answers": len(self.values), "known": self.known}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What is computed together: at most `budget` tokens, `shared`: with a prompt once, `alone`: one prompt a row."""

    budget: int
    shared: bool
    alone: bool

    def of(self, items: Sequence[Item]) -> list[list[Item]]:
        """An answer that is over the budget with its prompt is a row by itself."""
        parts = [part for item in items for part in self.chunks(item)]
        most = 1 if self.alone else max(len(parts), 1)
        return batches.plan(parts, budget=self.budget, most=most, seed=0, shared=self.shared).batches

    def chunks(self, item: Item) -> Iterator[Item]:
        """The item's answers in parts of at most `budget` tokens with their prompt, or copies of it."""
        part: list[list[int]] = []
        for answer in item.answers:
            if part and replace(item, answers=[*part, answer]).size(shared=self.shared) > self.budget:
                yield replace(item, answers=part)
                part = []
            part = [*part, answer]
        yield replace(item, answers=part)


def log_probs(items: Sequence[Item], *, cache: Cache, compute: Compute, rows: Rows) -> Reference:
    """The reference's log-probabilities of all answers. Processes of one run compute a share each.

    Raises:
        RunFailed: the file of the cache cannot be read or written.
    """
    state = PartialState()
    wanted = items[state.process_index :: state.num_processes]
    known = cache.read([key for item in wanted for key in keys_of(item)])
    found = dict(known)
    for together in written_together(rows.of(unknown(wanted, known))):
        found |= cache.write(computed(together, compute=compute))
    return gathered(found, known=len(known))


def computed(rows: Sequence[Sequence[Item]], *, compute: Compute) -> dict[bytes, float]:
    """By conversation."""
    values: dict[bytes, float] = {}
    for row in rows:
        keys = [key for item in row for key in keys_of(item)]
        values |= zip(keys, compute(row), strict=True)
    return values


def gathered(values: dict[bytes, float], *, known: int) -> Reference:
    """Of all processes."""
    parts: list[tuple[dict[bytes, float], int]] = gather_object([(values, known)])
    return Reference(
        values={key: value for part, _ in parts for key, value in part.items()},
        known=sum(known for _, known in parts),
    )


def unknown(items: Sequence[Item], known: Mapping[bytes, float]) -> list[Item]:
    """The items with those answers alone that are still to be computed."""
    left = [
        replace(
            item,
            answers=[answer for answer, key in zip(item.answers, keys_of(item), strict=True) if key not in known],
            edges=[],
            rankings=[],
        )
        for item in items
    ]
    return [item for item in left if item.answers]


def written_together(rows: Sequence[Sequence[Item]]) -> Iterator[Sequence[Sequence[Item]]]:
    """The rows of one transaction at a time, with a bar where there are any."""
    if not rows:
        return
    with bar(total=len(rows), what="Reference", unit="row") as shown:
        for start in range(0, len(rows), ROWS_A_WRITE):
            together = rows[start : start + ROWS_A_WRITE]
            yield together
            shown.update(len(together))


def keys_of(item: Item) -> list[bytes]:
    """Of each answer's conversation."""
    return [key(item.prompt, answer) for answer in item.answers]


def key(prompt: Sequence[int], answer: Sequence[int]) -> bytes:
    return hashlib.sha256(json.dumps([list(prompt), list(answer)]).encode()).digest()


def fingerprint(model: Any, *, machine: Machine, **how: Any) -> bytes:
    """SHA-256 of whatever the values hang on: weights as they are in memory, architecture, and way of computing.

    Of the weights in memory, since a row that a base lacks (for a padding token) is drawn by the run's seed.
    """
    sha = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    ways = {
        "architecture": {name: value for name, value in model.config.to_dict().items() if not name.startswith("_")},
        "device": machine.device,
        "precision": machine.precision,
        "threads": machine.threads if machine.device == "cpu" else None,
        "versions": {name: version(name) for name in LIBRARIES},
        **how,
    }
    sha.update(json.dumps(ways, sort_keys=True, default=str).encode())
    return sha.digest()

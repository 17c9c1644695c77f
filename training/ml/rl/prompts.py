"""Which prompts a policy answers while it learns, and on which it is measured: prompts.jsonl of the run.

`{"id", "messages", "split"}` a line, written when the run was planned; without a split a prompt is of the train
split. Answers to prompts of the test split are measured and never learnt from.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from training.exceptions import InvalidRun
from training.ml.data.conversations import Encoder
from training.ml.rl.rollouts import Prompt
from training.ml.run.rundir import RunDirectory, read_lines


@dataclass(frozen=True, kw_only=True)
class Prompts:
    train: list[Prompt]
    test: list[Prompt]
    lengths: dict[str, int]  # what did not fit, for the report; `max_length` is that of a prompt


def read(directory: RunDirectory, *, encoder: Encoder, room: int, needs_train: bool = True) -> Prompts:
    """`room`: tokens that an answer of full length leaves for its prompt.

    Raises:
        InvalidRun: prompts.jsonl is not as it should be, or a split that is needed is empty.
    """
    found: dict[str, list[Prompt]] = {"train": [], "test": []}
    for record in records(directory):
        ids = encoder.encode_prompt(record["messages"], room=room)
        if ids is not None:
            prompt = Prompt(id=str(record["id"]), messages=record["messages"], ids=ids)
            found[record.get("split", "train")].append(prompt)
    for split in ("train", "test") if needs_train else ("test",):
        if not found[split]:
            raise InvalidRun(
                f"no prompt of the {split} split is left: give more prompts (one in five or so falls into the test "
                "split), or shorter ones, or a smaller max_new_tokens"
            )
    return Prompts(**found, lengths=encoder.lengths.as_dict() | {"max_length": room})


def records(directory: RunDirectory) -> Iterator[dict[str, Any]]:
    """
    Raises:
        InvalidRun: a line is none of ours.
    """
    ids = set()
    for record in read_lines(directory.prompts):
        if not isinstance(record, dict) or not isinstance(record.get("messages"), list) or "id" not in record:
            raise InvalidRun(f'{directory.prompts}: expected {{"id", "messages", "split"}} on every line')
        if record.get("split", "train") not in ("train", "test"):
            raise InvalidRun(f"{directory.prompts}: a split {record['split']!r}; expected train or test")
        if record["id"] in ids:
            raise InvalidRun(f"{directory.prompts}: the id {record['id']} stands twice")
        ids.add(record["id"])
        yield record


def of_step(prompts: Sequence[Prompt], *, step: int, size: int, seed: int) -> list[Prompt]:
    """The prompts of a step, counted from 1: pass after pass over all of them, each in an order of its own."""
    first = (step - 1) * size
    orders: dict[int, list[int]] = {}
    found = []
    for place in range(first, first + size):
        passes, position = divmod(place, len(prompts))
        if passes not in orders:
            orders[passes] = list(range(len(prompts)))
            random.Random(f"{seed} {passes}").shuffle(orders[passes])  # noqa: S311 - an order, no secret
        found.append(prompts[orders[passes][position]])
    return found

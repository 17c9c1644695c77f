"""The latest answers of a policy that learns, as its run writes them down: a bounded look at the end of a file."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.actions.texts import storable

LOOKED_AT = 262_144  # bytes at its end
SHOWN = 4
LONGEST = 4000  # characters of a text


@dataclass(frozen=True, kw_only=True)
class Completion:
    """`prompt`: what was said last before the answer."""

    step: int
    prompt: str
    text: str
    score: float | None


def latest(path: Path) -> list[Completion]:
    """Those of the last step that is there; no file, or no readable one: none."""
    found = list(read(path))
    last = max((one.step for one in found), default=0)
    return [one for one in found if one.step == last][:SHOWN]


def read(path: Path) -> Iterator[Completion]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - LOOKED_AT))
            lines = file.read(LOOKED_AT).splitlines(keepends=True)
    except OSError:
        return
    for line in lines:
        if found := parsed(line):
            yield found


def parsed(line: bytes) -> Completion | None:
    """None for what is no whole line of a completion."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("step"), int):
        return None
    score = record.get("score")
    return Completion(
        step=record["step"],
        prompt=question(record.get("prompt")),
        text=shortened(record.get("text")),
        score=float(score) if isinstance(score, int | float) else None,
    )


def question(messages: object) -> str:
    """The last message of a prompt."""
    last = messages[-1] if isinstance(messages, list) and messages else None
    return shortened(last.get("content")) if isinstance(last, dict) else ""


def shortened(text: object) -> str:
    found = storable(text) if isinstance(text, str) else ""
    return found if len(found) <= LONGEST else f"{found[:LONGEST]}…"

"""Demonstrations from files: records in the Alpaca, ShareGPT or messages format.

A file is JSON (an array), JSON lines, either of them gzipped, or Parquet; each record says by its fields which format
it has. Every turn of the assistant is an answer, to all that was said before it. The split is that of releases: one
conversation in five is held out, by the hash of what was said before its first answer, so that all of its answers are
on one side. A later turn whose whole prompt a release holds out is left out (`apart_from`). Torch-free.

A record that cannot be read is left out and counted with its reason.
"""

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.exceptions import InvalidRelease
from training.ml.data.fingerprints import GZIP, ending, fingerprint
from training.ml.data.releases import Message, Response, Row

HELD_OUT_SHARE = 0.2
POLICY = "file"  # who wrote the answers: nothing else is known of it
ROLES = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
HELD_OUT_ELSEWHERE = "a prompt that the release holds out"
UNREADABLE = (OSError, EOFError, ValueError, RecursionError, zlib.error, pa.ArrowException)


class BadRecord(ValueError):
    """The record is no conversation; the message is the reason that is counted."""


@dataclass(frozen=True, kw_only=True)
class File:
    """`rows`: one an answer. `bad`: how many records were left out, by reason."""

    hash: str
    rows: list[Row]
    conversations: int
    bad: dict[str, int]

    def describe(self) -> dict[str, Any]:
        """For the report: what it was, without where it lay."""
        return {
            "sha256": self.hash,
            "conversations": self.conversations,
            "answers": len(self.rows),
            "bad": self.bad,
        }

    def of(self, split: str) -> list[Row]:
        return [row for row in self.rows if row.split == split]


def read(path: Path, *, expected_hash: str = "") -> File:
    """The whole file.

    Raises:
        InvalidRelease: it cannot be read, holds no conversation, or is another than `expected_hash` says.
    """
    found = fingerprint(path)
    if expected_hash and found != expected_hash:
        raise InvalidRelease(f"{path} has changed since this run was planned; restore it, or start a new run")
    rows: list[Row] = []
    bad: Counter[str] = Counter()
    conversations = 0
    for record in records_of(path):
        try:
            rows += rows_of(conversation_of(record))
            conversations += 1
        except BadRecord as error:
            bad[str(error)] += 1
    if not rows:
        reasons = "; ".join(f"{count} with {reason}" for reason, count in sorted(bad.items())) or "it is empty"
        raise InvalidRelease(
            f"{path} holds no conversation ({reasons}): expected records with `messages`, `conversations`, or "
            "`instruction` and `output`"
        )
    return File(hash=found, rows=rows, conversations=conversations, bad=dict(sorted(bad.items())))


def apart_from(file: File, release: Sequence[Row]) -> File:
    """The file without training answers to prompts that the release holds out; they are counted."""
    held_out = {key_of(row.prompt) for row in release if row.split == "test"}
    kept = [row for row in file.rows if row.split == "test" or key_of(row.prompt) not in held_out]
    if len(kept) == len(file.rows):
        return file
    return replace(file, rows=kept, bad=file.bad | {HELD_OUT_ELSEWHERE: len(file.rows) - len(kept)})


def records_of(path: Path) -> Iterator[Any]:
    """Every record of the file; what is no JSON comes as None.

    Raises:
        InvalidRelease: the file as a whole cannot be read.
    """
    reader = READERS[ending(path)]
    try:
        yield from reader(path)
    except UNREADABLE as error:
        raise InvalidRelease(f"{path} cannot be read: {str(error) or type(error).__name__}") from None


def opened(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == GZIP else path.open(encoding="utf-8")


def lines(path: Path) -> Iterator[Any]:
    with opened(path) as file:
        for line in file:
            if line.strip():
                yield value_of(line)


def value_of(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def array(path: Path) -> Iterator[Any]:
    with opened(path) as file:
        value = json.load(file)
    if not isinstance(value, list):
        raise ValueError("expected an array of records; a file with one record a line ends in .jsonl")
    yield from value


def table(path: Path) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1000):
            yield from batch.to_pylist()


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".jsonl": lines,
    ".ndjson": lines,
    ".json": array,
    ".parquet": table,
}


def conversation_of(record: Any) -> list[Message]:
    """The messages of a record of any of the three formats.

    Raises:
        BadRecord: it has none of them.
    """
    if not isinstance(record, dict):
        raise BadRecord("no JSON object")
    if record.get("tools"):
        raise BadRecord("tools")
    if record.get("messages") is not None:
        return [message_of(item, role="role", text="content") for item in listed(record["messages"])]
    if record.get("conversations") is not None:
        messages = [message_of(item, role="from", text="value") for item in listed(record["conversations"])]
        return [*instruction_of(record.get("system"), role="system"), *messages]
    if record.get("instruction") is not None:
        return alpaca(record)
    raise BadRecord("none of messages, conversations and instruction")


def alpaca(record: dict[str, Any]) -> list[Message]:
    asked = [text_of(record["instruction"]), text_of(record.get("input") or "")]
    return [
        *instruction_of(record.get("system"), role="system"),
        *before(record.get("history") or []),
        *instruction_of("\n\n".join(part for part in asked if part.strip()), role="user"),
        {"role": "assistant", "content": text_of(record.get("output", record.get("response")))},
    ]


def before(history: Any) -> Iterator[Message]:
    """Earlier turns, as pairs of a question and its answer."""
    for turn in listed(history):
        if not isinstance(turn, list) or len(turn) != 2:
            raise BadRecord("a history that is no list of pairs")
        for role, text in zip(("user", "assistant"), turn, strict=True):
            yield {"role": role, "content": text_of(text)}


def instruction_of(text: Any, *, role: str) -> list[Message]:
    return [{"role": role, "content": text_of(text)}] if text else []


def listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadRecord("turns that are no list")
    return value


def message_of(item: Any, *, role: str, text: str) -> Message:
    if not isinstance(item, dict):
        raise BadRecord("a turn that is no object")
    if item.get("tool_calls") or item.get("function_call"):
        raise BadRecord("calls of tools")
    known = ROLES.get(str(item.get(role)).lower())
    if known is None:
        raise BadRecord("a turn of an unknown role")
    return {"role": known, "content": text_of(item.get(text))}


def text_of(value: Any) -> str:
    """A text, or the parts of one; of pictures and calls of tools nothing can be learnt here."""
    if isinstance(value, list) and value:
        parts = [part.get("text") if isinstance(part, dict) else None for part in value]
        texts = [part for part in parts if isinstance(part, str)]
        value = "".join(texts) if len(texts) == len(parts) else None
    if not isinstance(value, str):
        raise BadRecord("a turn without text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRecord("halves of characters")
    return value


def rows_of(messages: list[Message]) -> list[Row]:
    """One row for every turn of the assistant.

    Raises:
        BadRecord: there is none, or nothing before the first.
    """
    places = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    if not places:
        raise BadRecord("no answer")
    if not any(message["role"] == "user" for message in messages[: places[0]]):
        raise BadRecord("an answer to nothing")
    if not all(messages[place]["content"].strip() for place in places):
        raise BadRecord("an empty answer")
    split = split_of(messages[: places[0]])
    return [
        Row(
            prompt=messages[:place],
            responses=[Response(text=messages[place]["content"], policy=POLICY)],
            judgements=[],
            split=split,
        )
        for place in places
    ]


def split_of(prompt: list[Message]) -> str:
    """`test` for one prompt in five, by its hash alone: the rule by which releases are split."""
    digest = hashlib.sha256(key_of(prompt).encode()).hexdigest()
    return "test" if int(digest[:8], 16) / 0x1_0000_0000 < HELD_OUT_SHARE else "train"


def key_of(prompt: list[Message]) -> str:
    return json.dumps(prompt, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

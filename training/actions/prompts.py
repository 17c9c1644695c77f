"""Which prompts a policy answers while it learns from rewards: the text of prompts.jsonl, wherever they come from.

Each prompt once, with the split that its hash gives it everywhere; a release, and a file that names splits, keep
theirs.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.actions import releases
from training.exceptions import InvalidRun
from training.ml.data import files
from training.ml.data import releases as contents
from training.ml.data.files import BadRecord, conversation_of, key_of, listed, message_of, split_of, text_of
from training.ml.data.fingerprints import fingerprint
from training.ml.data.releases import Message
from training.ml.run.rundir import Config, FileReference, ReleaseReference, RunDirectory, line_of

SPLITS = ("train", "test")
ASKING = ("user", "tool")  # who may have spoken last
LETTERS = 16  # of a prompt's hash, as its id


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """`lines`: {"id", "messages", "split"} each. `left_out`: how many records were none, by reason."""

    lines: str
    splits: frozenset[str]
    release: ReleaseReference | None = None
    file: FileReference | None = None
    left_out: dict[str, int] = field(default_factory=dict)


def of_release(name: str) -> Prompts:
    """Every prompt that the release asks about.

    Raises:
        InvalidRelease: there is none, or it was changed.
    """
    found = releases.find(name)
    rows = contents.read(found.path, expected_hash=found.hash).rows
    return of_rows(((row.prompt, row.split) for row in rows), release=found.reference)


def of_file(name: str) -> Prompts:
    """Rows of the native format (their `prompt`), prompts of another run, or conversations in the messages, ShareGPT
    or Alpaca format, of which what stood before the last answer is asked again.

    Raises:
        InvalidRelease: it cannot be read.
        InvalidRun: there is no prompt in it.
    """
    path = Path(name).expanduser().resolve()
    reference = FileReference(role="prompts", path=str(path), hash=fingerprint(path))
    rows: list[tuple[list[Message], str]] = []
    bad: Counter[str] = Counter()
    for record in files.records_of(path):
        try:
            rows.append(asked(record))
        except BadRecord as error:
            bad[str(error)] += 1
    if not rows:
        reasons = "; ".join(f"{count} with {reason}" for reason, count in sorted(bad.items())) or "it is empty"
        raise InvalidRun(f"{path} holds no prompt ({reasons}): expected records with `prompt` or `messages`.")
    return of_rows(rows, file=reference, left_out=dict(sorted(bad.items())))


def of_run(directory: RunDirectory, config: Config) -> Prompts:
    """As they were when it was planned."""
    files_of = config.files_of("prompts")
    return Prompts(
        lines=directory.prompts.read_text(encoding="utf-8") if directory.prompts.is_file() else "",
        splits=frozenset(SPLITS),
        release=config.release,
        file=files_of[0] if files_of else None,
    )


def of_rows(rows: Iterable[tuple[list[Message], str]], **origin: Any) -> Prompts:
    """Of messages and their split."""
    found = {key_of(messages): (messages, split) for messages, split in rows}
    lines = [
        {"id": hashlib.sha256(key.encode()).hexdigest()[:LETTERS], "messages": messages, "split": split}
        for key, (messages, split) in sorted(found.items())
    ]
    splits = frozenset(split for _, split in found.values())
    return Prompts(lines="".join(map(line_of, lines)), splits=splits, **origin)


def asked(record: Any) -> tuple[list[Message], str]:
    """The prompt of a record, and its split.

    Raises:
        BadRecord: it asks nothing.
    """
    if isinstance(record, dict) and record.get("prompt") is not None:
        messages = messages_of(record["prompt"])
        return question(messages), split_of(messages)
    messages = conversation_of(record)
    split = record.get("split")
    first = next((place for place, one in enumerate(messages) if one["role"] == "assistant"), len(messages))
    return question(messages), split if split in SPLITS else split_of(messages[:first])


def messages_of(prompt: Any) -> list[Message]:
    if isinstance(prompt, str):
        return [{"role": "user", "content": text_of(prompt)}]
    return [message_of(item, role="role", text="content") for item in listed(prompt)]


def question(messages: list[Message]) -> list[Message]:
    """Without the answer that it ends with."""
    end = len(messages)
    while end and messages[end - 1]["role"] == "assistant":
        end -= 1
    if not end or messages[end - 1]["role"] not in ASKING:
        raise BadRecord("no question")
    return messages[:end]


def check(found: Prompts, *, splits: Iterable[str]) -> None:
    """
    Raises:
        InvalidRun: a split that is needed is empty.
    """
    for split in splits:
        if split not in found.splits:
            raise InvalidRun(
                f"There is no prompt of the {split} split: about one in five is held out by its hash, the others are "
                "trained on. Give more prompts."
            )

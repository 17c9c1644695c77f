"""Anthropic's HH transcripts: two dialogues in one text each, the same up to the last answer."""

import re
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import chat, trl, values
from annotation.formats.rows import Message, Row

TURN = re.compile(r"\n\n(Human|Assistant):(?: |$|(?=\n))")
ROLES = {"Human": "user", "Assistant": "assistant"}


def matches(record: dict[str, Any]) -> bool:
    return all(
        isinstance(text := record.get(name), str) and TURN.match(text) is not None for name in ("chosen", "rejected")
    )


def read(record: dict[str, Any]) -> Row:
    prompt, chosen, rejected = trl.same_before_answer(
        transcript(record.get("chosen"), "chosen"), transcript(record.get("rejected"), "rejected")
    )
    return chat.pair_row(prompt, chosen=chosen, rejected=rejected, record=record, used={"chosen", "rejected"})


def transcript(value: Any, where: str) -> list[Message]:
    text = values.text_of(value, where)
    marks = list(TURN.finditer(text))
    if not marks or marks[0].start() != 0:
        raise InvalidRow(f"{where}: no transcript; it begins with a blank line and 'Human: '")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        {"role": ROLES[mark.group(1)], "content": text[mark.end() : end]}
        for mark, end in zip(marks, ends, strict=True)
    ]

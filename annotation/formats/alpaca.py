"""Alpaca's instructions: instruction, input, and output (or response). AlpacaEval's `generator` names the policy."""

from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import chat, values
from annotation.formats.rows import Message, Row

USED = {"instruction", "input", "output", "response", "generator", "system", "history", "prompt"}


def matches(record: dict[str, Any]) -> bool:
    return "instruction" in record and ("output" in record or "response" in record or "input" in record)


def read(record: dict[str, Any]) -> Row:
    """The prompt is the instruction, and below an empty line the input where there is one."""
    instruction = values.text_of(record.get("instruction"), "instruction")
    parts = [instruction, values.text_of(record.get("input") or "", "input")]
    messages = [{"role": "user", "content": "\n\n".join(part for part in parts if part)}]
    earlier = []
    for i, turn in enumerate(values.expect_list(record, "history")):
        earlier += turns_of(turn, f"history[{i}]")
    messages = earlier + messages
    if system := record.get("system"):
        messages.insert(0, {"role": "system", "content": values.text_of(system, "system")})
    given = record.get("output", record.get("response"))
    answer = None if given is None else values.text_of(given, "output")
    return chat.demonstration_row(messages, answer=answer, record=record, used=USED, policy=record.get("generator"))


def turns_of(value: Any, where: str) -> list[Message]:
    """LLaMA-Factory's earlier turns: a list of [question, answer]."""
    turn = values.expect(value, list, where)
    if len(turn) != 2:
        raise InvalidRow(f"{where}: expected a question and its answer")
    return [
        {"role": role, "content": values.text_of(text, where)}
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]

"""ShareGPT's conversations (from, value), and LLaMA-Factory's preferences and approvals on top of them."""

from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import chat
from annotation.formats.rows import Message, Row

USED = {"conversations", "messages", "system", "tools", "label", "chosen", "rejected"}


def matches(record: dict[str, Any]) -> bool:
    return isinstance(record.get("conversations"), list)


def read(record: dict[str, Any]) -> Row:
    return read_turns(record, "conversations")


def read_turns(record: dict[str, Any], field: str) -> Row:
    messages = chat.messages_of(record.get(field), field)
    if system := record.get("system"):
        messages = chat.messages_of([{"role": "system", "content": system}], "system") + messages
    messages = chat.with_tools(record, messages)
    if "chosen" in record and "rejected" in record:
        texts = {name: answer_of(record[name], name) for name in ("chosen", "rejected")}
        return chat.pair_row(messages, **texts, record=record, used=USED)
    prompt, answer = chat.split_answer(messages)
    if record.get("label") is None:
        return chat.demonstration_row(prompt, answer=answer, record=record, used=USED)
    if answer is None:
        raise InvalidRow("label: there is no answer at the end of the conversation that it could judge")
    return chat.approval_row(prompt, answer=answer, label=record["label"], record=record, used=USED)


def answer_of(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    message: Message = chat.message_of(value, where)
    if message["role"] != "assistant":
        raise InvalidRow(f"{where}: is not the assistant's turn")
    return message["content"]

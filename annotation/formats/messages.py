"""OpenAI's conversations: {"messages": [{"role", "content"}]}, with a label where somebody approved of them."""

from typing import Any

from annotation.formats import sharegpt
from annotation.formats.rows import Row


def matches(record: dict[str, Any]) -> bool:
    return isinstance(record.get("messages"), list)


def read(record: dict[str, Any]) -> Row:
    return sharegpt.read_turns(record, "messages")

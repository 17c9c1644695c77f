"""What the foreign formats share: turns of a conversation, and the rows that they come to."""

from collections.abc import Mapping, Sequence
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import rows, values
from annotation.formats.hashing import content_hash
from annotation.formats.rows import Message, Row

ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "system": "system",
    "developer": "system",
    "observation": "tool",
    "tool": "tool",
    "function": "tool",
    "function_response": "tool",
}
LABELS = {"true": True, "1": True, "false": False, "0": False}


def messages_of(value: Any, where: str) -> list[Message]:
    """Turns in the manner of OpenAI (role, content) or ShareGPT (from, value)."""
    turns = values.expect(value, list, where)
    if not turns:
        raise InvalidRow(f"{where}: an empty conversation")
    return [message_of(turn, f"{where}[{i}]") for i, turn in enumerate(turns)]


def message_of(value: Any, where: str) -> Message:
    turn = values.expect(value, dict, where)
    speaker = turn.get("role", turn.get("from"))
    role = ROLES.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        raise InvalidRow(f"{where}: {values.shortened(speaker)} is no speaker known here, such as user or assistant")
    if turn.get("tool_calls") or turn.get("function_call"):
        raise InvalidRow(f"{where}: calls a tool in a field of its own; put the call into the content as text")
    return {"role": role, "content": content_of(turn.get("content", turn.get("value")), where)}


def content_of(value: Any, where: str) -> str:
    """A text, or OpenAI's list of text parts."""
    if not isinstance(value, list):
        return values.text_of(value, f"{where}.content")
    parts = []
    for part in value:
        if not isinstance(part, dict) or part.get("type") != "text":
            raise InvalidRow(f"{where}.content: holds something that is not text")
        parts.append(values.text_of(part.get("text"), f"{where}.content"))
    return "".join(parts)


def split_answer(messages: Sequence[Message]) -> tuple[list[Message], str | None]:
    """The conversation before its last answer, and that answer; None when it ends with someone else's turn."""
    if messages[-1]["role"] != "assistant":
        return list(messages), None
    if len(messages) == 1:
        raise InvalidRow("the conversation is one answer; there is no prompt")
    return list(messages[:-1]), messages[-1]["content"]


def with_tools(record: Mapping[str, Any], messages: list[Message]) -> list[Message]:
    """Tools on offer become the first system message: without them the answer cannot be understood."""
    tools = record.get("tools")
    if not tools:
        return messages
    text = tools if isinstance(tools, str) else values.canonical_text(tools, "tools")
    if text.strip() == "[]":
        return messages
    return [{"role": "system", "content": text}, *messages]


def pair_row(prompt: Any, *, chosen: str, rejected: str, record: Mapping[str, Any], used: set[str]) -> Row:
    """One preference. The two stand in the order of their hashes, so that position does not tell who won."""
    texts = sorted((chosen, rejected), key=content_hash)
    best = texts.index(chosen)
    strength = record.get("margin")
    return row(
        record,
        used=used,
        prompt=prompt,
        responses=texts,
        judgements=[
            {
                "ranking": [[best], [1 - best]],
                "strength": int(strength) if isinstance(strength, int | float) and strength in (1, 2, 3) else None,
            }
        ],
    )


def approval_row(prompt: Any, *, answer: str, label: Any, record: Mapping[str, Any], used: set[str]) -> Row:
    """One answer that somebody found acceptable or not (KTO)."""
    good = LABELS.get(str(label).lower())
    if good is None:
        raise InvalidRow(f"label: expected true or false, found {values.shortened(label)}")
    judgement = {"ranking": [[0]], "acceptable": [0] if good else []}
    return row(record, used=used, prompt=prompt, responses=[answer], judgements=[judgement])


def demonstration_row(
    prompt: Any, *, answer: str | None, record: Mapping[str, Any], used: set[str], policy: Any = None
) -> Row:
    """A prompt with the answer to learn from; without an answer the prompt alone."""
    if answer is None:
        return row(record, used=used, prompt=prompt)
    kind = "imported" if policy else "people"
    return row(record, used=used, prompt=prompt, responses=[{"text": answer, "policy": policy, "kind": kind}])


def row(record: Mapping[str, Any], *, used: set[str], **fields: Any) -> Row:
    """The row of these fields; what else the record says goes into its metadata where it can be kept."""
    metadata = {}
    for name, value in record.items():
        if name in used or name == "id" or value in (None, ""):
            continue
        try:
            metadata[values.text_of(name, "the name")] = values.storable(value, name)
        except InvalidRow:
            continue
    return rows.parse({"id": record.get("id"), "metadata": metadata, **fields})

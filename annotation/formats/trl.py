"""TRL's datasets: preferences (prompt, chosen, rejected), unpaired ones (prompt, completion, label), and
prompt with completion. Texts or messages; the prompt may be implied by what both answers begin with."""

from collections.abc import Sequence
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import chat, values
from annotation.formats.rows import Message, Row

PAIR = {"prompt", "chosen", "rejected"}
SINGLE = {"prompt", "completion", "label"}


def matches(record: dict[str, Any]) -> bool:
    pair = {"chosen", "rejected"} <= record.keys() and "conversations" not in record and "messages" not in record
    return pair or {"prompt", "completion"} <= record.keys()


def read(record: dict[str, Any]) -> Row:
    if "completion" in record:
        return read_single(record)
    if missing := sorted({"chosen", "rejected"} - record.keys()):
        raise InvalidRow(f"{missing[0]}: missing; a preference has chosen and rejected")
    if record.get("prompt") is None:
        prompt, chosen, rejected = implied(record["chosen"], record["rejected"])
    else:
        prompt, chosen = answered(record["prompt"], record["chosen"], "chosen")
        other, rejected = answered(record["prompt"], record["rejected"], "rejected")
        if other != prompt:
            raise InvalidRow("chosen and rejected differ before the last answer: they do not answer the same prompt")
    return chat.pair_row(prompt, chosen=chosen, rejected=rejected, record=record, used=PAIR)


def read_single(record: dict[str, Any]) -> Row:
    prompt, answer = answered(record.get("prompt"), record["completion"], "completion")
    if record.get("label") is None:
        return chat.demonstration_row(prompt, answer=answer, record=record, used=SINGLE)
    return chat.approval_row(prompt, answer=answer, label=record["label"], record=record, used=SINGLE)


def answered(prompt: Any, answer: Any, where: str) -> tuple[list[Message], str]:
    """Prompt and text of one answer, which may be a text, its own message, or the whole conversation again."""
    before = conversation(prompt, "prompt")
    if isinstance(answer, str):
        return before, answer
    messages = conversation(answer, where)
    if messages[-1]["role"] != "assistant":
        raise InvalidRow(f"{where}: its last turn is not the assistant's")
    earlier = messages[:-1]
    if not earlier or earlier == before:
        return before, messages[-1]["content"]
    if isinstance(prompt, str) and earlier[-1] == before[-1]:  # the prompt repeats the last question only
        return earlier, messages[-1]["content"]
    return before + earlier, messages[-1]["content"]


def implied(chosen: Any, rejected: Any) -> tuple[list[Message], str, str]:
    """The prompt is what both begin with."""
    if isinstance(chosen, str) and isinstance(rejected, str):
        shared = shared_words(chosen, rejected)
        if not shared.strip():
            raise InvalidRow("no prompt, and chosen and rejected do not begin with the same words")
        return conversation(shared.strip(), "prompt"), chosen[len(shared) :], rejected[len(shared) :]
    return same_before_answer(conversation(chosen, "chosen"), conversation(rejected, "rejected"))


def shared_words(first: str, second: str) -> str:
    """What both texts begin with, up to the last white space."""
    pairs = enumerate(zip(first, second, strict=False))
    size = next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
    return first[: max(first.rfind(" ", 0, size), first.rfind("\n", 0, size)) + 1]


def same_before_answer(chosen: Sequence[Message], rejected: Sequence[Message]) -> tuple[list[Message], str, str]:
    """
    Raises:
        InvalidRow: one does not end with an answer, or they differ earlier.
    """
    prompt, better = chat.split_answer(chosen)
    other, worse = chat.split_answer(rejected)
    if better is None or worse is None:
        raise InvalidRow("chosen and rejected must both end with the assistant's answer")
    if prompt != other:
        raise InvalidRow("chosen and rejected differ before the last answer: they do not answer the same prompt")
    return prompt, better, worse


def conversation(value: Any, where: str) -> list[Message]:
    if isinstance(value, str):
        return [{"role": "user", "content": values.text_of(value, where)}]
    return chat.messages_of([value] if isinstance(value, dict) else value, where)

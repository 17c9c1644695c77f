"""What is marked on a task beside the ranking: flags on answers or on the prompt, and spans of answers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import values

RESPONSE_FLAGS = ("harmful", "personal_data", "off_topic", "broken", "other")
PROMPT_FLAGS = ("unclear", "needs_expert")
MAX_SPANS = 100
MAX_COMMENT = 2000

Flag = dict[str, Any]
Span = dict[str, Any]


def flags_of(value: Any, *, size: int) -> list[Flag]:
    """`[{"flag": "harmful", "response": 1}, {"flag": "unclear"}]`, in an order that is always the same.

    Raises:
        InvalidRow: an unknown flag, one on the wrong kind of thing, a response that is not there, or one twice.
    """
    flags = [
        flag_of(item, size=size, where=f"flags[{i}]") for i, item in enumerate(values.expect(value, list, "flags"))
    ]
    flags.sort(key=lambda flag: (flag.get("response", size), (*RESPONSE_FLAGS, *PROMPT_FLAGS).index(flag["flag"])))
    for flag, following in pairwise(flags):
        if flag == following:
            raise InvalidRow(f"flags: {flag['flag']} stands twice on the same thing; once is enough")
    return flags


def flag_of(value: Any, *, size: int, where: str) -> Flag:
    record = fields(value, {"flag", "response"}, where)
    if record.get("response") is None:
        return {"flag": values.one_of(record.get("flag"), PROMPT_FLAGS, f"{where}.flag (of the prompt)")}
    name = values.one_of(record.get("flag"), RESPONSE_FLAGS, f"{where}.flag (of a response)")
    return {"flag": name, "response": values.indices([record["response"]], size, f"{where}.response")[0]}


def spans_of(value: Any, *, texts: Sequence[str], where: str = "spans") -> list[Span]:
    """`[{"response": 0, "start": 3, "end": 9, "text": "…", "comment": "…"}]`, by response and place. Start and end
    count the code points of the response's own text, before any Markdown is rendered.

    Raises:
        InvalidRow: too many, or one that is not what stands there in the text.
    """
    spans = shaped_spans(value, size=len(texts), where=where)
    for i, span in enumerate(spans):
        text = texts[span["response"]]
        if span["end"] > len(text):
            raise InvalidRow(f"{where}[{i}]: ends at {span['end']}, but the response has {len(text)} characters")
        if span["text"] != text[span["start"] : span["end"]]:
            raise InvalidRow(f"{where}[{i}].text: is not what stands there in the response; mark it again")
    return sorted(spans, key=lambda span: (span["response"], span["start"], span["end"], span["comment"]))


def shaped_spans(value: Any, *, size: int, where: str = "spans") -> list[Span]:
    """The same without a look at the texts."""
    spans = values.expect(value, list, where)
    if len(spans) > MAX_SPANS:
        raise InvalidRow(f"{where}: {len(spans)} of them; at most {MAX_SPANS} are kept")
    return [span_of(item, size=size, where=f"{where}[{i}]") for i, item in enumerate(spans)]


def span_of(value: Any, *, size: int, where: str) -> Span:
    record = fields(value, {"response", "start", "end", "text", "comment"}, where)
    start, end = offset(record.get("start"), f"{where}.start"), offset(record.get("end"), f"{where}.end")
    if start >= end:
        raise InvalidRow(f"{where}: it is empty; a span ends after its start")
    comment = values.text_of(record.get("comment") or "", f"{where}.comment")
    if len(comment) > MAX_COMMENT:
        raise InvalidRow(f"{where}.comment: {len(comment)} characters; at most {MAX_COMMENT} are kept: shorten it")
    return {
        "response": values.indices([record.get("response")], size, f"{where}.response")[0],
        "start": start,
        "end": end,
        "text": values.text_of(record.get("text"), f"{where}.text"),
        "comment": comment,
    }


def fields(value: Any, names: set[str], where: str) -> Mapping[str, Any]:
    record: Mapping[str, Any] = values.expect(value, dict, where)
    if unknown := sorted(record.keys() - names):
        raise InvalidRow(f"{where}: unknown field {values.shortened(unknown[0])}; it has {', '.join(sorted(names))}")
    return record


def offset(value: Any, where: str) -> int:
    if type(value) is not int or value < 0:
        raise InvalidRow(f"{where}: expected a whole number of characters, 0 or more")
    return value

"""Untrusted JSON values, read one by one: each is what was expected, or one sentence says what is wrong with it."""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats.hashing import canonical_json

MAX_NAME = 200
MAX_DEPTH = 100
LARGEST = sys.float_info.max
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def expect(value: Any, kind: type[dict[str, Any]] | type[list[Any]] | type[str], where: str) -> Any:
    if not isinstance(value, kind):
        name = {"dict": "an object", "list": "a list", "str": "a text"}[kind.__name__]
        raise InvalidRow(f"{where}: expected {name}, found {type(value).__name__}")
    return value


def expect_list(record: Mapping[str, Any], name: str) -> list[Any]:
    return list(expect(record.get(name) or [], list, name))


def text_of(value: Any, where: str) -> str:
    text: str = expect(value, str, where)
    if text.isascii() and "\x00" not in text:
        return text
    if found := UNSTORABLE.search(text):
        raise InvalidRow(f"{where}: holds U+{ord(found.group()):04X}, which no database keeps; remove it")
    return text


def name_of(value: Any, where: str, *, longest: int = MAX_NAME) -> str:
    text = text_of(value, where)
    if len(text) > longest:
        raise InvalidRow(f"{where}: longer than {longest} characters")
    return text


def canonical_text(value: Any, where: str) -> str:
    """Any JSON value as text."""
    return canonical_json(storable(value, where))


def shortened(value: Any) -> str:
    """A foreign value inside a sentence of ours."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def storable(value: Any, where: str, depth: int = 0) -> Any:
    """The JSON value itself, once it is sure that every database can keep it."""
    if depth > MAX_DEPTH:
        raise InvalidRow(f"{where}: nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return text_of(value, where)
    if isinstance(value, dict):
        return {text_of(key, where): storable(item, where, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item, where, depth + 1) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        raise InvalidRow(f"{where}: {shortened(value)} is no JSON value that can be kept")
    return value


def one_of(value: Any, allowed: Sequence[str], where: str) -> str:
    if value not in allowed:
        raise InvalidRow(f"{where}: {shortened(value)} is none of {', '.join(allowed)}")
    return str(value)


def number(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        raise InvalidRow(f"{where}: expected a number")
    return float(value)


def whole(value: Any, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**15:
        raise InvalidRow(f"{where}: expected a whole number from 0 to 32767")
    return value


def indices(value: Any, size: int, where: str) -> list[int]:
    items = expect(value, list, where)
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < size:
            raise InvalidRow(f"{where}: {shortened(item)} is no index of one of the {size} responses")
    if len(items) != len(set(items)):
        raise InvalidRow(f"{where}: an index stands twice")
    return list(items)


def moment(value: Any, where: str) -> str | None:
    """An ISO 8601 time as UTC with microseconds, so that equal moments are equal texts."""
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(expect(value, str, where))
        parsed = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRow(f"{where}: {shortened(value)} is no ISO 8601 time") from None
    return parsed.isoformat(timespec="microseconds").replace("+00:00", "Z")

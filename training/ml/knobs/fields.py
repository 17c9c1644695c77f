"""A knob: a dataclass field with its description and limits, and the text that a person writes for its value."""

import math
from dataclasses import MISSING, Field, field
from types import NoneType
from typing import Any, get_args

from training.exceptions import InvalidKnob

AUTO = "auto"
TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})


def knob(
    default: Any, text: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """A dataclass field with its description and its limits (`low` and `high` belong to the range)."""
    return field(default=default, metadata={"help": text, "low": low, "high": high, "choices": choices})


def typed(text: str, item: "Field[Any]") -> Any:
    """`text` as the type of the field, within its limits."""
    kind, optional = type_of(item)
    if optional and text.strip().lower() == AUTO:
        return None
    try:
        value = READERS[kind](text.strip())
    except ValueError:
        hint = f"{NAMES[kind]} or auto" if optional else NAMES[kind]
        raise InvalidKnob(f"{item.name}={text}: expected {hint}") from None
    check_limits(value, item)
    return value


def check_limits(value: Any, item: "Field[Any]") -> None:
    low, high, choices = (item.metadata[name] for name in ("low", "high", "choices"))
    if choices and value not in choices:
        expected = ", ".join(choice or "nothing" for choice in choices)
        raise InvalidKnob(f"{item.name}={value}: expected one of {expected}")
    if low is not None and value < low:
        raise InvalidKnob(f"{item.name}={value}: expected at least {low}")
    if high is not None and value > high:
        raise InvalidKnob(f"{item.name}={value}: expected at most {high}")


def type_of(item: "Field[Any]") -> tuple[type, bool]:
    """The plain type of a field, and whether it may be auto."""
    parts = get_args(item.type) or (item.type,)
    return next(part for part in parts if part is not NoneType), NoneType in parts


def as_text(value: Any) -> str:
    if value is None or value is MISSING:
        return AUTO
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def read_bool(text: str) -> bool:
    if text.lower() in TRUE_WORDS:
        return True
    if text.lower() in FALSE_WORDS:
        return False
    raise ValueError(text)


def read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


READERS: dict[type, Any] = {bool: read_bool, int: int, float: read_float, str: str}
NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}

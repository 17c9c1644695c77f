"""The shape of unfinished work on a task: the fields of an answer, each of them whole or partly there."""

from collections.abc import Callable, Mapping
from typing import Any

from annotation.exceptions import InvalidJudgement, InvalidRow
from annotation.formats import answers, marks, row_judgements, values

Check = Callable[[Any, int], Any]


def check(content: Any, *, size: int) -> dict[str, Any]:
    """The draft of a task with `size` responses, once it is sure that the desk can show it.

    Raises:
        InvalidJudgement: one sentence that names the field, what is wrong and what was expected.
    """
    kept = answers.bounded(content)
    unknown = sorted(kept.keys() - CHECKS.keys())
    if unknown:
        raise InvalidJudgement(f"A draft has no field {values.shortened(unknown[0])}; it has {', '.join(CHECKS)}.")
    try:
        for name, value in kept.items():
            CHECKS[name](value, size)
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    return kept


def fitting(content: Mapping[str, Any], *, size: int) -> dict[str, Any]:
    """What of it can be kept as a draft; the rest is left out."""
    return {name: value for name, value in content.items() if name in CHECKS and _fits(name, value, size=size)}


def _fits(name: str, value: Any, *, size: int) -> bool:
    try:
        CHECKS[name](value, size)
    except InvalidRow:
        return False
    return True


def _ranking(value: Any, size: int) -> None:
    row_judgements.parse_ranking(value, size=size)


def _places(value: Any, size: int) -> None:
    for position, place in _by_position(value, size, "places").items():
        if place is not None and (type(place) is not int or not 1 <= place <= size):
            raise InvalidRow(f"places[{position}]: expected a whole number from 1 to {size}")


def _strength(value: Any, _size: int) -> None:
    if value is not None and (type(value) is not int or value not in (1, 2, 3)):
        raise InvalidRow("strength: expected 1 (slightly), 2 (clearly) or 3 (much)")


def _acceptable(value: Any, size: int) -> None:
    if value is not None:
        values.indices(value, size, "acceptable")


def _ratings(value: Any, size: int) -> None:
    for name, given in values.expect(value, dict, "ratings").items():
        numbers = [values.number(item, f"ratings.{name}") for item in values.expect(given, list, f"ratings.{name}")]
        if len(numbers) > size:
            raise InvalidRow(f"ratings.{name}: more numbers than the {size} responses")


def _flags(value: Any, size: int) -> None:
    marks.flags_of(value, size=size)


def _spans(value: Any, size: int) -> None:
    marks.shaped_spans(value, size=size)


def _line(value: Any, size: int) -> None:
    if value is not None and (type(value) is not int or not 0 <= value <= size):
        raise InvalidRow(f"line: expected how many places are good enough, a whole number from 0 to {size}")


def _reason(value: Any, _size: int) -> None:
    values.text_of(value, "reason")


def _written(value: Any, _size: int) -> None:
    values.text_of(value, "written")


def _edited(value: Any, size: int) -> None:
    for position, text in _by_position(value, size, "edited").items():
        values.text_of(text, f"edited[{position}]")


def _seconds(value: Any, _size: int) -> None:
    answers.duration(value)


def _by_position(value: Any, size: int, where: str) -> dict[str, Any]:
    found: dict[str, Any] = values.expect(value, dict, where)
    if not found.keys() <= {str(position) for position in range(size)}:
        raise InvalidRow(f"{where}: its keys are positions of the {size} responses")
    return found


CHECKS: dict[str, Check] = {
    "ranking": _ranking,
    "places": _places,
    "strength": _strength,
    "acceptable": _acceptable,
    "line": _line,
    "ratings": _ratings,
    "flags": _flags,
    "reason": _reason,
    "edited": _edited,
    "spans": _spans,
    "written": _written,
    "seconds": _seconds,
}

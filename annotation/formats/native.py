"""The interchange row itself, and the same as one row of a table."""

from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import columns, rows, values
from annotation.formats.rows import Row

NUMBERS = ("score", "propensity")


def matches(record: dict[str, Any]) -> bool:
    return "prompt" in record and (record.keys() <= rows.ROW_FIELDS or "responses" in record)


def read(record: dict[str, Any]) -> Row:
    return rows.parse(record)


def matches_table(record: dict[str, Any]) -> bool:
    return "prompt" in record


def read_table(record: dict[str, Any]) -> Row:
    """Every cell is a text. Answers may stand in columns of their own; columns that a row does not know become
    metadata, tags are parted at commas."""
    known = {name: value for name, value in record.items() if name in rows.ROW_FIELDS}
    others = {name: value for name, value in record.items() if name not in rows.ROW_FIELDS}
    if "responses" not in known:
        known["responses"] = [others.pop(name) for name in columns.answers_among(others)]
    if isinstance(known.get("tags"), str):
        known["tags"] = [tag.strip() for tag in known["tags"].split(",") if tag.strip()]
    for name in NUMBERS:
        if isinstance(known.get(name), str):
            known[name] = number_of(known[name], name)
    metadata = values.expect(known.get("metadata") or {}, dict, "metadata")
    return rows.parse({**known, "metadata": {**others, **metadata}})


def number_of(cell: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InvalidRow(f"{where}: {values.shortened(cell)} is no number") from None

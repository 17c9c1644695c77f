"""Reads a mapping file and refuses what a mapping does not have, before any row is read."""

import re
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Any

from annotation.exceptions import UnreadableFile
from annotation.formats.mapping import Mapping
from annotation.formats.rows import POLICY_KINDS

FIELDS = {"id", "prompt", "tags", "metadata", "rows", "together", "responses", "judgements", "texts", "numbers"}
RESPONSE_FIELDS = {"each", "text", "policy", "kind"}
RANKINGS = {"best", "choice", "ranking", "ranks", "scores"}
BESIDE = {"annotator", "at", "choices", "each", "ratings", "reason", "seconds", "strength", "worst"}
JUDGEMENT_FIELDS = RANKINGS | BESIDE


def load(path: Path) -> Mapping:
    """
    Raises:
        UnreadableFile: no such file, not TOML, or something in it that a mapping does not have.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(f"The mapping {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"The mapping {path.name} is not TOML: {error}.") from None
    for problem in problems(table):
        raise UnreadableFile(f"The mapping {path.name}: {problem}; see docs/importing.md.")
    return Mapping(**table)


def problems(table: Table[str, Any]) -> Iterator[str]:
    yield from unknown_fields(table, FIELDS, "it")
    if not is_path(table.get("prompt")):
        yield "prompt is missing, or no path"
    if not is_path(table.get("id", "id")):
        yield "id is no path"
    if not is_list_of_paths(table.get("tags", [])):
        yield "tags is a list of paths"
    metadata = table.get("metadata", [])
    if not isinstance(metadata, list) or not all(isinstance(path, str) for path in metadata):
        yield "metadata is a list of plain paths"
    texts = table.get("texts", {})
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        yield 'texts is a table such as { true = "True", false = "False" }'
    if not isinstance(table.get("rows", ""), str) or not isinstance(table.get("together", False), bool):
        yield "rows is a plain path, together is true or false"
    numbers = table.get("numbers", {})
    if not isinstance(numbers, dict) or not all(type(number) in (int, float) for number in numbers.values()):
        yield "numbers is a table such as { No = 0, Yes = 1 }"
    for name, check in (("responses", response_problems), ("judgements", judgement_problems)):
        entries = table.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            yield f"{name} is written as [[{name}]], once for each"
            return
        for entry in entries:
            yield from check(entry)


def unknown_fields(table: Table[str, Any], known: set[str], where: str) -> Iterator[str]:
    for name in sorted(set(table) - known):
        yield f"{name!r} in {where} is none of {', '.join(sorted(known))}"


def response_problems(entry: Table[str, Any]) -> Iterator[str]:
    yield from unknown_fields(entry, RESPONSE_FIELDS, "[[responses]]")
    if "each" not in entry and "text" not in entry:
        yield "[[responses]] lacks text, the path of the answer"
    if not isinstance(entry.get("each", ""), str):
        yield "each in [[responses]] is the path of a list"
    for name in ("text", "policy"):
        if name in entry and not is_path(entry[name]):
            yield f"{name} in [[responses]] is a path"
    if entry.get("kind", "imported") not in POLICY_KINDS:
        yield f"kind in [[responses]] is one of {', '.join(POLICY_KINDS)}"


def judgement_problems(entry: Table[str, Any]) -> Iterator[str]:
    yield from unknown_fields(entry, JUDGEMENT_FIELDS, "[[judgements]]")
    if len(RANKINGS & set(entry)) != 1 and (RANKINGS & set(entry) or "ratings" not in entry):
        yield f"each of [[judgements]] has exactly one of {', '.join(sorted(RANKINGS))}, or ratings alone"
    if ("best" in entry) != ("worst" in entry):
        yield "best in [[judgements]] goes with worst"
    if ("choice" in entry) != isinstance(entry.get("choices"), dict):
        yield "choice in [[judgements]] goes with choices, a table from each value to its ranking"
    for name in ("choice", "each", "ranking", "strength", "seconds"):
        if not isinstance(entry.get(name, ""), str):
            yield f"{name} in [[judgements]] is a plain path"
    for name in ("annotator", "reason", "at", "best", "worst"):
        if name in entry and not is_path(entry[name]):
            yield f"{name} in [[judgements]] is a path"
    for name in ("ranks", "scores"):
        if not are_plain(entry.get(name, [])):
            yield f"{name} in [[judgements]] is a list of plain paths, one for each response"
    ratings = entry.get("ratings", {})
    if not isinstance(ratings, dict) or not all(map(are_plain, ratings.values())):
        yield "ratings in [[judgements]] is a table from each criterion to plain paths, one for each response"


def are_plain(paths: Any) -> bool:
    return isinstance(paths, list) and all(isinstance(path, str) for path in paths)


def is_list_of_paths(value: Any) -> bool:
    return isinstance(value, list) and all(is_path(item) for item in value)


def is_path(value: Any) -> bool:
    """A path, a list of such, {value = …}, or {path = …, pattern = …} with one group."""
    if isinstance(value, list):
        return bool(value) and is_list_of_paths(value)
    if not isinstance(value, dict):
        return isinstance(value, str) and bool(value)
    if set(value) == {"value"}:
        return isinstance(value["value"], str | int)
    known = set(value) <= {"path", "pattern"} and isinstance(value.get("path"), str)
    return known and ("pattern" not in value or is_pattern(value["pattern"]))


def is_pattern(value: Any) -> bool:
    try:
        return re.compile(value).groups == 1
    except (re.error, TypeError):
        return False

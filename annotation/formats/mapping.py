"""A mapping file: where the fields of a row stand in a foreign record. `docs/importing.md` is its reference.

prompt = ["instruction", "input"]
[[responses]]
text = "response1"
[[judgements]]
choice = "annotator1"
choices = { "1" = [[0], [1]], "2" = [[1], [0]] }
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import rows, values
from annotation.formats.row_judgements import Ranking
from annotation.formats.rows import Row


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """`rows`: where the list (or table) stands whose entries are the rows. `together`: records of one prompt and the
    same responses are one row. `numbers`: what stands for a number."""

    prompt: Any
    id: Any = None
    rows: str = ""
    together: bool = False
    tags: list[Any] = field(default_factory=list)
    metadata: list[str] = field(default_factory=list)
    responses: list[dict[str, Any]] = field(default_factory=list)
    judgements: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def parts(self, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows of a record, each with what the record says of all; `key`: its key or place among them."""
        entries = found(record, self.rows) if self.rows else None
        if not isinstance(entries, list | dict):
            yield record
            return
        shared = {name: value for name, value in record.items() if name != self.rows.partition(".")[0]}
        for key, entry in entries.items() if isinstance(entries, dict) else enumerate(entries):
            yield {**shared, "key": key, **as_table(entry)}

    def read(self, record: dict[str, Any]) -> Row:
        responses = [response for entry in self.responses for response in self.responses_of(record, entry)]
        if any("best" in entry for entry in self.judgements):
            responses = list({response["text"]: response for response in reversed(responses)}.values())[::-1]
        texts = [response["text"] for response in responses]
        judgements = [
            self.judgement_of(inner, entry, f"judgements[{i}]", texts=texts)
            for i, entry in enumerate(self.judgements)
            for inner in self.judged(record, entry)
        ]
        return rows.parse(
            {
                "id": optional(self.text(record, self.id, "id")),
                "prompt": self.prompt_of(record),
                "responses": responses,
                "judgements": [judgement for judgement in judgements if judgement is not None],
                "tags": [text for tag in self.tags if (text := self.text(record, tag, "tags"))],
                "metadata": {
                    path: values.storable(value, path)
                    for path in self.metadata
                    if (value := found(record, path)) is not None
                },
            }
        )

    def prompt_of(self, record: dict[str, Any]) -> Any:
        if isinstance(self.prompt, str) and isinstance(value := found(record, self.prompt), list):
            return value
        return self.text(record, self.prompt, "prompt")

    def responses_of(self, record: dict[str, Any], entry: Table[str, Any]) -> list[dict[str, Any]]:
        """One response, or one for each item of a list."""
        if "each" not in entry:
            return [self.response_of(record, record, entry)]
        items = values.expect(found(record, entry["each"]) or [], list, entry["each"])
        return [self.response_of({"item": item, **record}, item, entry) for item in items]

    def response_of(self, record: dict[str, Any], item: Any, entry: Table[str, Any]) -> dict[str, Any]:
        """Inside `each` a path begins at the item; an item that is a text is the response itself."""
        if not isinstance(item, dict):
            return {
                "text": self.as_text(item, "text"),
                "policy": optional(self.text(record, entry.get("policy"), "policy")),
            }
        return {
            "text": self.text(item, entry.get("text"), "text"),
            "policy": optional(self.text({**record, **item}, entry.get("policy"), "policy")),
            "kind": entry.get("kind", "imported"),
        }

    def judged(self, record: dict[str, Any], entry: Table[str, Any]) -> list[dict[str, Any]]:
        """The record, or one for each item of a list: there a path begins at the item, which is `item` itself."""
        if "each" not in entry:
            return [record]
        items = values.expect(found(record, entry["each"]) or [], list, entry["each"])
        return [{**record, **as_table(item)} for item in items]

    def judgement_of(
        self, record: dict[str, Any], entry: Table[str, Any], where: str, *, texts: list[str]
    ) -> dict[str, Any] | None:
        """None where the record holds no judgement in this place."""
        ranking = self.ranking_of(record, entry, where, texts=texts)
        ratings = self.ratings_of(record, entry, where)
        if ranking is None and not ratings:
            return None
        judgement: dict[str, Any] = {"ranking": ranking or [], "ratings": ratings}
        for name in ("annotator", "reason", "at"):
            judgement[name] = optional(self.text(record, entry.get(name), f"{where}.{name}"))
        for name in ("strength", "seconds"):
            value = number_at(record, entry.get(name), f"{where}.{name}")
            judgement[name] = int(value) if name == "strength" and value is not None else value
        return judgement

    def ranking_of(self, record: dict[str, Any], entry: Table[str, Any], where: str, *, texts: list[str]) -> Any:
        if "ranking" in entry:
            return found(record, entry["ranking"])
        if "choice" in entry:
            return self.chosen(record, entry, where)
        if "best" in entry:
            return self.best_and_worst(record, entry, where, texts=texts)
        for name, sign in (("ranks", 1), ("scores", -1)):
            if name in entry:
                numbers = [number_at(record, path, f"{where}.{name}") for path in entry[name]]
                return grouped([value if value is None else sign * value for value in numbers])
        return None

    def ratings_of(self, record: dict[str, Any], entry: Table[str, Any], where: str) -> dict[str, list[float | None]]:
        """Criteria of which nothing is said are left out."""
        rated = {
            name: [self.number(record, path, f"{where}.ratings.{name}") for path in paths]
            for name, paths in entry.get("ratings", {}).items()
        }
        return {name: numbers for name, numbers in rated.items() if any(number is not None for number in numbers)}

    def number(self, record: dict[str, Any], path: str, where: str) -> float | None:
        value = found(record, path)
        if isinstance(value, str | bool) and (known := self.numbers.get(str(value))) is not None:
            return float(known)
        return number_at(record, path, where)

    def best_and_worst(self, record: dict[str, Any], entry: Table[str, Any], where: str, *, texts: list[str]) -> Any:
        """What is neither stands between them, not told apart; one that is both orders nothing."""
        best, worst = (self.text(record, entry[name], f"{where}.{name}") for name in ("best", "worst"))
        if not best and not worst:
            return None
        if best not in texts or worst not in texts:
            raise InvalidRow(f"{where}: {values.shortened(best if best not in texts else worst)} is no response")
        first, last = texts.index(best), texts.index(worst)
        if first == last:
            return [list(range(len(texts)))]
        between = [place for place in range(len(texts)) if place not in (first, last)]
        return [group for group in ([first], between, [last]) if group]

    def chosen(self, record: dict[str, Any], entry: Table[str, Any], where: str) -> Any:
        value = found(record, entry["choice"])
        if value is None or value == "":
            return None
        text = self.as_text(value, where) if isinstance(value, bool | str) else plain_number(value, where)
        if text not in entry["choices"]:
            known = ", ".join(entry["choices"])
            raise InvalidRow(f"{where}: {values.shortened(value)} is none of the choices {known}")
        return entry["choices"][text]

    def text(self, record: Any, spec: Any, where: str) -> str:
        """The text that a path, a list of paths, or {value} / {path, pattern} stands for; empty without one."""
        if spec is None:
            return ""
        if isinstance(spec, list):
            return "\n\n".join(part for path in spec if (part := self.text(record, path, where)))
        if isinstance(spec, str):
            return self.as_text(found(record, spec), spec)
        if "value" in spec:
            return str(spec["value"])
        text = self.as_text(found(record, spec["path"]), spec["path"])
        match = re.search(spec.get("pattern", r"(?s)(.*)"), text)
        if match is None:
            raise InvalidRow(f"{where}: {values.shortened(text)} does not fit the pattern {spec['pattern']}")
        return match.group(1)

    def as_text(self, value: Any, where: str) -> str:
        """Texts as they are and whole numbers; booleans and others only where `texts` says how."""
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return plain_number(value, where)
        key = values.canonical_text(value, where)
        if key not in self.texts:
            raise InvalidRow(f"{where}: {values.shortened(value)} is no text; say in `texts` which it is")
        return self.texts[key]


def found(record: Any, path: str) -> Any:
    """What stands at `a.b.0.c`; None where there is no such place. A field with a dot in its name goes first."""
    if isinstance(record, dict) and path in record:
        return record[path]
    head, _, rest = path.partition(".")
    if isinstance(record, dict) and head in record:
        inner = record[head]
    elif isinstance(record, list) and head.isascii() and head.isdigit() and int(head[:9]) < len(record):
        inner = record[int(head[:9])]
    else:
        return None
    return found(inner, rest) if rest else inner


def as_table(item: Any) -> dict[str, Any]:
    return item if isinstance(item, dict) else {"item": item}


def number_at(record: Any, path: str | None, where: str) -> float | None:
    value = None if path is None else found(record, path)
    if isinstance(value, str):
        try:
            value = float(value) if value.strip() else None
        except ValueError:
            raise InvalidRow(f"{where}: {values.shortened(value)} is no number") from None
    return values.number(value, where)


def plain_number(value: Any, where: str) -> str:
    """As people write it: 2, not 2.0."""
    number = values.number(value, where)
    if number is None:
        return ""
    return str(value if isinstance(value, int) else int(number) if number.is_integer() else number)


def grouped(numbers: list[float | None]) -> Ranking | None:
    """Positions by rising number, equal ones tied, absent ones left out; None when all are absent."""
    values = sorted({number for number in numbers if number is not None})
    return [[i for i, number in enumerate(numbers) if number == value] for value in values] or None


def optional(text: str) -> str | None:
    return text or None

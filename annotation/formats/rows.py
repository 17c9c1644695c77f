"""The interchange row: one prompt, its responses, and what people said of them.

`parse` turns an untrusted JSON object into a `Row` or says in one sentence why it cannot; `dump` is its exact
inverse. `docs/importing.md` describes the fields for users.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats.hashing import canonical_json, content_hash

FIELDS_ADVICE = "see docs/importing.md for the fields of a row"
ROLES = ("system", "user", "assistant", "tool")
SOURCES = ("human", "ai", "simulated", "imported")
PURPOSES = ("label", "gold", "repeat", "head_to_head")
UNKNOWN_POLICY = "unknown"
POLICY_KINDS = ("model", "people", "imported")
MAX_RESPONSES = 9
MAX_SECONDS = 30 * 24 * 3600.0
MAX_NAME = 200
MAX_STRATEGY = 50
MAX_DEPTH = 100
LARGEST = sys.float_info.max
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Message = dict[str, str]
Ranking = list[list[int]]


@dataclass(frozen=True, kw_only=True)
class RowResponse:
    """`kind`: of the policy, used where the policy is not known yet. A response of `people` can be learnt from."""

    text: str
    policy: str = UNKNOWN_POLICY
    sampling: dict[str, Any] = field(default_factory=dict)
    kind: str = "imported"


@dataclass(frozen=True, kw_only=True)
class RowJudgement:
    """`ranking`: tie groups of response indices, best first. `annotator`: None when the source names nobody."""

    annotator: str | None
    ranking: Ranking
    strength: int | None = None
    acceptable: list[int] | None = None
    ratings: dict[str, list[float]] = field(default_factory=dict)
    flags: list[Any] = field(default_factory=list)
    reason: str = ""
    edited: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    shown: list[int] | None = None
    at: str | None = None
    source: str = "imported"
    guideline: int | None = None
    revision: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    prompt: list[Message]
    responses: list[RowResponse] = field(default_factory=list)
    judgements: list[RowJudgement] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    purpose: str = "label"
    generation: str = ""
    strategy: str = ""
    score: float | None = None
    propensity: float | None = None

    @property
    def prompt_hash(self) -> str:
        return content_hash(self.prompt)

    @property
    def key(self) -> str:
        """What makes this the same row again: its id, else its content without what people said of it."""
        return self.id or content_key(
            prompt=self.prompt, purpose=self.purpose, responses=[(r.policy, r.text) for r in self.responses]
        )


def content_key(*, prompt: list[Message], purpose: str, responses: Sequence[tuple[str, str]]) -> str:
    """Identity of a task that came without an id: prompt, purpose and its (policy, text) responses in order."""
    return content_hash({"prompt": prompt, "purpose": purpose, "responses": [list(pair) for pair in responses]})


def judgement_uid(*, task_key: str, annotator: str, revision: int) -> str:
    """Identity of a judgement on every database: an annotator judges a task once per revision."""
    return content_hash([task_key, annotator, revision])


def parse(value: Any) -> Row:
    """Read one untrusted JSON object.

    Raises:
        InvalidRow: one sentence that names the field, what is wrong with it and what was expected.
    """
    record = expect(value, dict, "the row")
    unknown = sorted(set(record) - ROW_FIELDS)
    if unknown:
        raise InvalidRow(f"unknown field {shortened(unknown[0])}: {FIELDS_ADVICE}")
    responses = [parse_response(item, i) for i, item in enumerate(expect_list(record, "responses"))]
    if len(responses) > MAX_RESPONSES:
        raise InvalidRow(f"{len(responses)} responses: a row holds at most {MAX_RESPONSES}")
    refuse_equal_texts(responses)
    return Row(
        prompt=parse_prompt(record.get("prompt")),
        responses=responses,
        judgements=parse_judgements(expect_list(record, "judgements"), size=len(responses)),
        tags=[text_of(tag, f"tags[{i}]") for i, tag in enumerate(expect_list(record, "tags"))],
        id=parse_id(record.get("id")),
        metadata=storable(expect(record.get("metadata") or {}, dict, "metadata"), "metadata"),
        purpose=one_of(record.get("purpose", "label"), PURPOSES, "purpose"),
        generation=name_of(record.get("generation", ""), "generation"),
        strategy=name_of(record.get("strategy", ""), "strategy", longest=MAX_STRATEGY),
        score=number(record.get("score"), "score"),
        propensity=number(record.get("propensity"), "propensity"),
    )


def parse_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_NAME:
        value = str(value)
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= MAX_NAME):
        raise InvalidRow(f"id: expected a text of 1 to {MAX_NAME} characters or a whole number")
    return None if value is None else text_of(value, "id")


def parse_prompt(value: Any) -> list[Message]:
    """A text is one user message; else a list of {role, content}."""
    if isinstance(value, str):
        return [{"role": "user", "content": text_of(value, "prompt")}]
    if not isinstance(value, list) or not value:
        raise InvalidRow("prompt: expected a text or a list of messages with role and content")
    messages: list[Message] = []
    for i, item in enumerate(value):
        where = f"prompt[{i}]"
        message = expect(item, dict, where)
        extra = sorted(set(message) - {"role", "content"})
        if extra:
            raise InvalidRow(f"{where}: the field {shortened(extra[0])} is not kept; a message has role and content")
        role = one_of(message.get("role"), ROLES, f"{where}.role")
        messages.append({"role": role, "content": text_of(message.get("content"), f"{where}.content")})
    return messages


def parse_response(value: Any, index: int) -> RowResponse:
    where = f"responses[{index}]"
    if isinstance(value, str):
        return RowResponse(text=text_of(value, where))
    record = expect(value, dict, where)
    unknown = sorted(set(record) - set(RESPONSE_DEFAULTS))
    if unknown:
        fields = "text, policy, sampling and kind"
        raise InvalidRow(f"{where}: unknown field {shortened(unknown[0])}; a response has {fields}")
    return RowResponse(
        text=text_of(record.get("text"), f"{where}.text"),
        policy=name_of(record.get("policy") or UNKNOWN_POLICY, f"{where}.policy"),
        sampling=storable(expect(record.get("sampling") or {}, dict, f"{where}.sampling"), f"{where}.sampling"),
        kind=one_of(record.get("kind", "imported"), POLICY_KINDS, f"{where}.kind"),
    )


def refuse_equal_texts(responses: Sequence[RowResponse]) -> None:
    seen: dict[str, int] = {}
    for i, response in enumerate(responses):
        if response.text in seen:
            first = seen[response.text]
            raise InvalidRow(f"responses {first} and {i} have the same text: nobody can rank them")
        seen[response.text] = i


def parse_judgements(values: Sequence[Any], *, size: int) -> list[RowJudgement]:
    if values and not size:
        raise InvalidRow("judgements: there are no responses that they could judge")
    judgements = [parse_judgement(item, i, size) for i, item in enumerate(values)]
    named = [judgement.annotator for judgement in judgements if judgement.annotator is not None]
    if len(named) != len(set(named)):
        raise InvalidRow("one annotator has two judgements on this row: an annotator judges a task once")
    return judgements


def parse_judgement(value: Any, index: int, size: int) -> RowJudgement:
    where = f"judgements[{index}]"
    record = expect(value, dict, where)
    unknown = sorted(set(record) - JUDGEMENT_FIELDS)
    if unknown:
        raise InvalidRow(f"{where}: unknown field {shortened(unknown[0])}: {FIELDS_ADVICE}")
    if not any(record.get(name) for name in SAYING):
        raise InvalidRow(f"{where}: it says nothing; give at least one of {', '.join(SAYING)}")
    strength = whole(record.get("strength"), f"{where}.strength")
    if strength not in (None, 1, 2, 3):
        raise InvalidRow(f"{where}.strength: expected 1 (slightly), 2 (clearly) or 3 (much)")
    acceptable, shown = record.get("acceptable"), record.get("shown")
    edited = expect(record.get("edited") or {}, dict, f"{where}.edited")
    if not set(edited) <= {str(index) for index in range(size)}:
        raise InvalidRow(f"{where}.edited: its keys are indices of responses")
    return RowJudgement(
        annotator=parse_annotator(record.get("annotator"), f"{where}.annotator"),
        ranking=parse_ranking(record.get("ranking"), size=size, where=f"{where}.ranking"),
        strength=strength,
        acceptable=None if acceptable is None else indices(acceptable, size, f"{where}.acceptable"),
        ratings=parse_ratings(record.get("ratings") or {}, size, f"{where}.ratings"),
        flags=storable(expect(record.get("flags") or [], list, f"{where}.flags"), f"{where}.flags"),
        reason=text_of(record.get("reason") or "", f"{where}.reason"),
        edited={key: text_of(text, f"{where}.edited[{key}]") for key, text in edited.items()},
        seconds=parse_seconds(record.get("seconds"), f"{where}.seconds"),
        shown=None if shown is None else indices(shown, size, f"{where}.shown"),
        at=moment(record.get("at"), f"{where}.at"),
        source=one_of(record.get("source", "imported"), SOURCES, f"{where}.source"),
        guideline=whole(record.get("guideline"), f"{where}.guideline"),
        revision=whole(record.get("revision"), f"{where}.revision") or 0,
    )


def parse_seconds(value: Any, where: str) -> float | None:
    seconds = number(value, where)
    if seconds is not None and not 0 <= seconds <= MAX_SECONDS:
        raise InvalidRow(f"{where}: {shortened(value)} is no time that a judgement takes; leave it out if unknown")
    return seconds


def parse_annotator(value: Any, where: str) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_NAME:
        value = str(value)
    if value == "":
        raise InvalidRow(f"{where}: empty; leave the field out when nobody is named")
    return None if value is None else name_of(value, where)


def parse_ranking(value: Any, *, size: int, where: str = "ranking") -> Ranking:
    """Tie groups of indices below `size`, best first, each index at most once; positions within a group sorted.

    Raises:
        InvalidRow: not a list of non-empty lists, an index out of range, or one that stands twice.
    """
    groups = expect(value, list, where)
    ranking = [sorted(indices(group, size, f"{where}[{i}]")) for i, group in enumerate(groups)]
    flat = [index for group in ranking for index in group]
    if any(not group for group in ranking):
        raise InvalidRow(f"{where}: an empty tie group")
    if len(flat) != len(set(flat)):
        raise InvalidRow(f"{where}: a response stands twice")
    return ranking


def dump(row: Row) -> dict[str, Any]:
    """The row as a JSON object; fields at their defaults are left out. `parse(dump(row)) == row`."""
    record: dict[str, Any] = {"prompt": row.prompt}
    if row.responses:
        record["responses"] = [
            without_defaults(response, RESPONSE_DEFAULTS, keep="text") for response in row.responses
        ]
    if row.judgements:
        record["judgements"] = [
            without_defaults(judgement, JUDGEMENT_DEFAULTS, keep="ranking") for judgement in row.judgements
        ]
    for name in ("tags", "id", "metadata", "generation", "strategy", "score", "propensity"):
        if (value := getattr(row, name)) not in (None, "", [], {}):
            record[name] = value
    if row.purpose != "label":
        record["purpose"] = row.purpose
    return record


def without_defaults(item: RowResponse | RowJudgement, defaults: Mapping[str, Any], *, keep: str) -> dict[str, Any]:
    return {name: value for name, value in vars(item).items() if name == keep or value != defaults[name]}


SAYING = ("ranking", "acceptable", "ratings", "flags", "reason", "edited")
ROW_FIELDS = set(Row.__dataclass_fields__)
JUDGEMENT_FIELDS = set(RowJudgement.__dataclass_fields__)
RESPONSE_DEFAULTS = vars(RowResponse(text=""))
JUDGEMENT_DEFAULTS = vars(RowJudgement(annotator=None, ranking=[]))


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


def parse_ratings(value: Any, size: int, where: str) -> dict[str, list[float]]:
    ratings: dict[str, list[float]] = {}
    for name, given in expect(value, dict, where).items():
        values = [number(item, f"{where}.{name}") for item in expect(given, list, f"{where}.{name}")]
        kept = [item for item in values if item is not None]
        if len(kept) != size:
            raise InvalidRow(f"{where}.{name}: expected {size} numbers, one for each response")
        ratings[text_of(name, where)] = kept
    return ratings


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

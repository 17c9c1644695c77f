"""The interchange row: one prompt, its responses, and what people said of them.

`parse` turns an untrusted JSON object into a `Row` or says in one sentence why it cannot; `dump` is its exact
inverse. `docs/importing.md` describes the fields for users.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats.hashing import content_hash
from annotation.formats.row_judgements import FIELDS_ADVICE, RowJudgement, parse_judgements, parse_ranking
from annotation.formats.values import (
    MAX_NAME,
    expect,
    expect_list,
    name_of,
    number,
    one_of,
    shortened,
    storable,
    text_of,
)

ROLES = ("system", "user", "assistant", "tool")
PURPOSES = ("label", "gold", "repeat", "head_to_head", "qualification")
KNOWN_PURPOSES = ("gold", "qualification")
AUDIENCES = ("people", "groups", "skills")
UNKNOWN_POLICY = "unknown"
POLICY_KINDS = ("model", "people", "imported")
MAX_RESPONSES = 9
MAX_STRATEGY = 50
LONGEST_AUDIENCE = 64

Message = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RowResponse:
    """`kind`: of the policy, used where the policy is not known yet. A response of `people` can be learnt from."""

    text: str
    policy: str = UNKNOWN_POLICY
    sampling: dict[str, Any] = field(default_factory=dict)
    kind: str = "imported"


@dataclass(frozen=True, kw_only=True)
class Row:
    """`known`: the answer of a gold or qualification task. `audience`: whom the task is for."""

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
    known: dict[str, Any] | None = None
    audience: dict[str, list[str]] | None = None

    @property
    def prompt_hash(self) -> str:
        return content_hash(self.prompt)

    @property
    def key(self) -> str:
        """What makes this the same row again: its id, else its content without what people said of it."""
        return self.id or content_key(
            prompt=self.prompt, purpose=self.purpose, responses=[(r.policy, r.text) for r in self.responses]
        )

    @property
    def becomes_task(self) -> bool:
        """Others become a prompt and its responses."""
        return bool(self.judgements) or self.known is not None


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
    row = Row(
        prompt=parse_prompt(record.get("prompt")),
        responses=responses,
        judgements=parse_judgements(expect_list(record, "judgements"), texts=[item.text for item in responses]),
        tags=[text_of(tag, f"tags[{i}]") for i, tag in enumerate(expect_list(record, "tags"))],
        id=parse_id(record.get("id")),
        metadata=storable(expect(record.get("metadata") or {}, dict, "metadata"), "metadata"),
        purpose=one_of(record.get("purpose", "label"), PURPOSES, "purpose"),
        generation=name_of(record.get("generation", ""), "generation"),
        strategy=name_of(record.get("strategy", ""), "strategy", longest=MAX_STRATEGY),
        score=number(record.get("score"), "score"),
        propensity=number(record.get("propensity"), "propensity"),
        known=parse_known(record.get("known"), size=len(responses)),
        audience=parse_audience(record.get("audience")),
    )
    if row.known and row.purpose not in KNOWN_PURPOSES:
        raise InvalidRow(f"known: only for the purposes {' and '.join(KNOWN_PURPOSES)}; this row's is {row.purpose}")
    if row.audience and not row.becomes_task:
        raise InvalidRow(
            "audience: this row becomes no task, for it has neither judgements nor a known answer; leave it out here "
            "and name the audience where its task is put into the queue"
        )
    return row


def parse_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_NAME:
        value = str(value)
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= MAX_NAME):
        raise InvalidRow(f"id: expected a text of 1 to {MAX_NAME} characters or a whole number")
    return None if value is None else text_of(value, "id")


def parse_prompt(value: Any) -> list[Message]:
    """A text is one user message; else a list of {role, content}."""
    if isinstance(value, str):
        return not_blank([{"role": "user", "content": text_of(value, "prompt")}])
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
    return not_blank(messages)


def not_blank(messages: list[Message]) -> list[Message]:
    """
    Raises:
        InvalidRow: the person asks nothing. A tool may have found nothing.
    """
    last = messages[-1]
    if not any(message["content"].strip() for message in messages):
        raise InvalidRow("prompt: it is blank; a row needs a question or a task to answer")
    if last["role"] == "user" and not last["content"].strip():
        raise InvalidRow("prompt: its last message is blank; end it with what is to be answered")
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


def parse_known(value: Any, *, size: int) -> dict[str, Any] | None:
    if value is None:
        return None
    record = expect(value, dict, "known")
    if unknown := sorted(set(record) - {"ranking", "explanation"}):
        raise InvalidRow(f"known: unknown field {shortened(unknown[0])}; it has ranking and explanation")
    ranking = parse_ranking(record.get("ranking"), size=size, where="known.ranking")
    if size < 2 or sum(map(len, ranking)) < size:
        raise InvalidRow("known.ranking: it places all responses, of which there are at least two")
    return {"ranking": ranking, "explanation": text_of(record.get("explanation") or "", "known.explanation")}


def parse_audience(value: Any) -> dict[str, list[str]] | None:
    if value is None:
        return None
    record = expect(value, dict, "audience")
    if unknown := sorted(set(record) - set(AUDIENCES)):
        raise InvalidRow(f"audience: unknown field {shortened(unknown[0])}; it has {', '.join(AUDIENCES)}")
    named = {kind: parse_names(expect_list(record, kind), f"audience.{kind}") for kind in AUDIENCES}
    return {kind: names for kind, names in named.items() if names} or None


def parse_names(values: Sequence[Any], where: str) -> list[str]:
    names = {name_of(value, f"{where}[{i}]", longest=LONGEST_AUDIENCE).strip() for i, value in enumerate(values)}
    if "" in names:
        raise InvalidRow(f"{where}: one of its names is empty")
    return sorted(names)


def refuse_equal_texts(responses: Sequence[RowResponse]) -> None:
    seen: dict[str, int] = {}
    for i, response in enumerate(responses):
        if response.text in seen:
            first = seen[response.text]
            raise InvalidRow(f"responses {first} and {i} have the same text: nobody can rank them")
        seen[response.text] = i


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
    for name in ("tags", "id", "metadata", "generation", "strategy", "score", "propensity", "known", "audience"):
        if (value := getattr(row, name)) not in (None, "", [], {}):
            record[name] = value
    if row.purpose != "label":
        record["purpose"] = row.purpose
    return record


def without_defaults(item: RowResponse | RowJudgement, defaults: Mapping[str, Any], *, keep: str) -> dict[str, Any]:
    return {name: value for name, value in vars(item).items() if name == keep or value != defaults[name]}


ROW_FIELDS = set(Row.__dataclass_fields__)
RESPONSE_DEFAULTS = vars(RowResponse(text=""))
JUDGEMENT_DEFAULTS = vars(RowJudgement(annotator=None, ranking=[]))

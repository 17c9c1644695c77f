"""What an interchange row says of its responses: who ranked, rated, flagged, edited or wrote what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import marks
from annotation.formats.values import (
    MAX_NAME,
    expect,
    indices,
    moment,
    name_of,
    number,
    one_of,
    shortened,
    storable,
    text_of,
    whole,
)

FIELDS_ADVICE = "see docs/importing.md for the fields of a row"
SOURCES = ("human", "ai", "simulated", "imported")
MAX_SECONDS = 30 * 24 * 3600.0

Ranking = list[list[int]]


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
    spans: list[marks.Span] = field(default_factory=list)
    written: str = ""
    seconds: float | None = None
    shown: list[int] | None = None
    at: str | None = None
    source: str = "imported"
    guideline: int | None = None
    revision: int = 0


def parse_judgements(values: Sequence[Any], *, texts: Sequence[str]) -> list[RowJudgement]:
    judgements = [parse_judgement(item, i, texts) for i, item in enumerate(values)]
    named = [judgement.annotator for judgement in judgements if judgement.annotator is not None]
    if len(named) != len(set(named)):
        raise InvalidRow("one annotator has two judgements on this row: an annotator judges a task once")
    return judgements


def parse_judgement(value: Any, index: int, texts: Sequence[str]) -> RowJudgement:
    where, size = f"judgements[{index}]", len(texts)
    record = expect(value, dict, where)
    unknown = sorted(set(record) - JUDGEMENT_FIELDS)
    if unknown:
        raise InvalidRow(f"{where}: unknown field {shortened(unknown[0])}: {FIELDS_ADVICE}")
    if not size and not record.get("written"):
        raise InvalidRow(f"{where}: there are no responses that it could judge, and it has no written answer")
    if not any(record.get(name) for name in SAYING):
        raise InvalidRow(f"{where}: it says nothing; give at least one of {', '.join(SAYING)}")
    strength = whole(record.get("strength"), f"{where}.strength")
    if strength not in (None, 1, 2, 3):
        raise InvalidRow(f"{where}.strength: expected 1 (slightly), 2 (clearly) or 3 (much)")
    acceptable, shown = record.get("acceptable"), record.get("shown")
    edited = expect(record.get("edited") or {}, dict, f"{where}.edited")
    if not set(edited) <= {str(index) for index in range(size)}:
        raise InvalidRow(f"{where}.edited: its keys are indices of responses")
    unranked: list[Any] | None = [] if not size or record.get("ratings") else None
    return RowJudgement(
        annotator=parse_annotator(record.get("annotator"), f"{where}.annotator"),
        ranking=parse_ranking(record.get("ranking", unranked), size=size, where=f"{where}.ranking"),
        strength=strength,
        acceptable=None if acceptable is None else indices(acceptable, size, f"{where}.acceptable"),
        ratings=parse_ratings(record.get("ratings") or {}, size, f"{where}.ratings"),
        flags=storable(expect(record.get("flags") or [], list, f"{where}.flags"), f"{where}.flags"),
        reason=text_of(record.get("reason") or "", f"{where}.reason"),
        edited={key: text_of(text, f"{where}.edited[{key}]") for key, text in edited.items()},
        spans=marks.spans_of(record.get("spans") or [], texts=texts, where=f"{where}.spans"),
        written=text_of(record.get("written") or "", f"{where}.written"),
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


def parse_ratings(value: Any, size: int, where: str) -> dict[str, list[float]]:
    ratings: dict[str, list[float]] = {}
    for name, given in expect(value, dict, where).items():
        values = [number(item, f"{where}.{name}") for item in expect(given, list, f"{where}.{name}")]
        kept = [item for item in values if item is not None]
        if len(kept) != size:
            raise InvalidRow(f"{where}.{name}: expected {size} numbers, one for each response")
        ratings[text_of(name, where)] = kept
    return ratings


SAYING = ("ranking", "acceptable", "ratings", "flags", "reason", "edited", "spans", "written")
JUDGEMENT_FIELDS = set(RowJudgement.__dataclass_fields__)

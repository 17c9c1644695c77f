"""What an annotator says about one task, checked against that task before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.exceptions import InvalidJudgement, InvalidRow
from annotation.formats import rows
from annotation.formats.hashing import canonical_json
from annotation.formats.rows import Ranking

MAX_BYTES = 256 * 1024
FIELDS = ("ranking", "strength", "acceptable", "ratings", "flags", "reason", "edited", "seconds")

Criteria = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Answer:
    ranking: Ranking
    strength: int | None
    acceptable: list[int] | None
    ratings: dict[str, list[float]]
    flags: list[Any]
    reason: str
    edited: dict[str, str]
    seconds: float | None


def check(said: Mapping[str, Any], *, size: int, ties_allowed: bool, criteria: Criteria) -> Answer:
    """Read untrusted fields as an answer to a task with `size` responses.

    Raises:
        InvalidJudgement: one sentence that names the field, what is wrong and what was expected.
    """
    try:
        bounded(dict(said))
        return _check(said, size=size, ties_allowed=ties_allowed, criteria=criteria)
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None


def _check(said: Mapping[str, Any], *, size: int, ties_allowed: bool, criteria: Criteria) -> Answer:
    ranking = complete_ranking(said.get("ranking"), size=size, ties_allowed=ties_allowed)
    edited = rows.expect(said.get("edited") or {}, dict, "edited")
    if any(key not in {str(position) for position in range(size)} for key in edited):
        raise InvalidRow(f"edited: its keys are positions of the {size} responses")
    return Answer(
        ranking=ranking,
        strength=strength_of_pair(said.get("strength"), ranking),
        acceptable=above_the_line(said.get("acceptable"), ranking),
        ratings=on_scale(rows.parse_ratings(said.get("ratings") or {}, size, "ratings"), criteria),
        flags=rows.storable(rows.expect(said.get("flags") or [], list, "flags"), "flags"),
        reason=rows.text_of(said.get("reason") or "", "reason"),
        edited={key: rows.text_of(text, f"edited[{key}]") for key, text in edited.items()},
        seconds=duration(said.get("seconds")),
    )


def bounded(content: Any) -> dict[str, Any]:
    """The object itself, if every database can keep it and it is not larger than `MAX_BYTES` as JSON."""
    try:
        kept: dict[str, Any] = rows.storable(rows.expect(content, dict, "the content"), "the content")
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    if (size := len(canonical_json(kept).encode())) > MAX_BYTES:
        raise InvalidJudgement(f"This is {size // 1024} kB; at most {MAX_BYTES // 1024} kB are kept: shorten it.")
    return kept


def complete_ranking(value: Any, *, size: int, ties_allowed: bool) -> Ranking:
    ranking = rows.parse_ranking(value, size=size)
    missing = sorted(set(range(size)).difference(*ranking))
    if missing:
        raise InvalidRow(f"ranking: response {missing[0]} is not placed; place all {size}")
    if not ties_allowed and any(len(group) > 1 for group in ranking):
        raise InvalidRow("ranking: this project allows no ties; put one response above the other")
    return ranking


def strength_of_pair(value: Any, ranking: Ranking) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or value not in (1, 2, 3):
        raise InvalidRow("strength: expected 1 (slightly), 2 (clearly) or 3 (much)")
    if len(ranking) != 2 or any(len(group) > 1 for group in ranking):
        raise InvalidRow("strength: only for two responses of which one is better; leave it out")
    return int(value)


def above_the_line(value: Any, ranking: Ranking) -> list[int] | None:
    """Acceptable positions: the best tie groups down to some line, for what ranks above an acceptable one is too."""
    if value is None:
        return None
    acceptable = rows.indices(value, sum(map(len, ranking)), "acceptable")
    above: set[int] = set()
    for group in ranking:
        if above == set(acceptable):
            break
        above.update(group)
    if above != set(acceptable):
        raise InvalidRow("acceptable: what ranks above or beside an acceptable response must be acceptable too")
    return acceptable


def on_scale(ratings: dict[str, list[float]], criteria: Criteria) -> dict[str, list[float]]:
    for name, values in ratings.items():
        if name not in criteria:
            raise InvalidRow(f"ratings: {name!r} is none of the project's criteria")
        if any(not 1 <= value <= criteria[name] for value in values):
            raise InvalidRow(f"ratings.{name}: expected numbers from 1 to {criteria[name]}")
    return ratings


def duration(value: Any) -> float | None:
    seconds = rows.number(value, "seconds")
    if seconds is not None and not 0 <= seconds <= rows.MAX_SECONDS:
        raise InvalidRow("seconds: expected a number from 0 to 2592000 (30 days)")
    return seconds


def parse_criteria(value: Any) -> Criteria:
    """A project's rubric as {name: highest rating}.

    Raises:
        InvalidJudgement: the rubric is not a list of distinct {"name", "scale"} with a scale of 2 to 100.
    """
    criteria: Criteria = {}
    for item in value if isinstance(value, list) else [None]:
        name, scale = (item.get("name"), item.get("scale")) if isinstance(item, dict) else (None, None)
        named = isinstance(name, str) and name and name not in criteria
        if not named or type(scale) is not int or not 2 <= scale <= 100:
            raise InvalidJudgement(
                'The rubric is a list like [{"name": "correctness", "scale": 5}]: distinct names, scales 2 to 100.'
            )
        criteria[str(name)] = scale
    return criteria

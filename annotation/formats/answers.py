"""What an annotator says about one task, checked against that task and against what its project asks for, before
anything is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from annotation.exceptions import InvalidJudgement, InvalidRow
from annotation.formats import marks, row_judgements, values
from annotation.formats.hashing import canonical_json
from annotation.formats.row_judgements import Ranking
from annotation.formats.rubric import Rubric

MAX_BYTES = 256 * 1024
MAX_REASON = 10_000
OFF, OPTIONAL, REQUIRED = "off", "optional", "required"


class Said(TypedDict, total=False):
    """The fields of an answer as they come, unchecked; positions name the responses."""

    ranking: Ranking | None
    strength: int | None
    acceptable: list[int] | None
    ratings: Mapping[str, list[float]] | None
    flags: Sequence[marks.Flag] | None
    reason: str
    edited: Mapping[str, str] | None
    spans: Sequence[marks.Span] | None
    written: str
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a project asks for. With `only_ranking` all the rest may be missing: an annotator that is a program
    says what it can."""

    ties: bool = True
    strength: bool = False
    acceptability: bool = False
    reason: str = OPTIONAL
    flags: bool = True
    highlights: bool = False
    edit: bool = False
    rubric: Rubric = ()
    only_ranking: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    ranking: Ranking
    strength: int | None
    acceptable: list[int] | None
    ratings: dict[str, list[float]]
    flags: list[marks.Flag]
    reason: str
    edited: dict[str, str]
    spans: list[marks.Span]
    written: str
    seconds: float | None


def check(said: Mapping[str, Any], *, texts: Sequence[str], asked: Asked) -> Answer:
    """Read untrusted fields as an answer to a task with these responses, by position.

    Raises:
        InvalidJudgement: one sentence that names the field, what is wrong and what was expected.
    """
    try:
        bounded(dict(said))
        answer = read(said, texts=texts, asked=asked)
        refuse_unasked(answer, asked)
        if not asked.only_ranking:
            require_asked(answer, asked, size=len(texts))
        return answer
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None


def read(said: Mapping[str, Any], *, texts: Sequence[str], asked: Asked) -> Answer:
    size = len(texts)
    ranking = complete_ranking(said.get("ranking"), size=size, ties_allowed=asked.ties)
    return Answer(
        ranking=ranking,
        strength=strength_of_pair(said.get("strength"), ranking),
        acceptable=above_the_line(said.get("acceptable"), ranking),
        ratings=on_scale(row_judgements.parse_ratings(said.get("ratings") or {}, size, "ratings"), asked.rubric),
        flags=marks.flags_of(said.get("flags") or [], size=size),
        reason=reason_of(said.get("reason") or ""),
        edited=edits_of(said.get("edited") or {}, texts=texts),
        spans=marks.spans_of(said.get("spans") or [], texts=texts),
        written=written_of(said.get("written") or "", size=size),
        seconds=duration(said.get("seconds")),
    )


def bounded(content: Any) -> dict[str, Any]:
    """The object itself, if every database can keep it and it is not larger than `MAX_BYTES` as JSON."""
    try:
        kept: dict[str, Any] = values.storable(values.expect(content, dict, "the content"), "the content")
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    if (size := len(canonical_json(kept).encode())) > MAX_BYTES:
        raise InvalidJudgement(f"This is {size // 1024} kB; at most {MAX_BYTES // 1024} kB are kept: shorten it.")
    return kept


def refuse_unasked(answer: Answer, asked: Asked) -> None:
    given = {
        "strength": (answer.strength is not None, asked.strength),
        "acceptable": (answer.acceptable is not None, asked.acceptability),
        "reason": (bool(answer.reason), asked.reason != OFF),
        "flags": (bool(answer.flags), asked.flags),
        "spans": (bool(answer.spans), asked.highlights),
        "edited": (bool(answer.edited), asked.edit),
    }
    for name, (said, wanted) in given.items():
        if said and not wanted:
            raise InvalidRow(f"{name}: this project does not ask for it; leave it out")


def require_asked(answer: Answer, asked: Asked, *, size: int) -> None:
    if asked.strength and is_strict_pair(answer.ranking) and answer.strength is None:
        raise InvalidRow("strength: say by how much it is better: 1 (slightly), 2 (clearly) or 3 (much)")
    if asked.acceptability and size and answer.acceptable is None:
        raise InvalidRow("acceptable: say which responses are good enough to send; [] for none of them")
    for criterion in asked.rubric if size else ():
        if criterion.required and criterion.name not in answer.ratings:
            raise InvalidRow(f"ratings: this project asks for {criterion.name!r}; rate every response by it")
    if asked.reason == REQUIRED and not answer.reason.strip():
        raise InvalidRow("reason: this project asks for one; say why")


def complete_ranking(value: Any, *, size: int, ties_allowed: bool) -> Ranking:
    """Every position placed. One response or none can only be ranked in one way: it need not be said."""
    if value is None and size < 2:
        return [[position] for position in range(size)]
    ranking = row_judgements.parse_ranking(value, size=size)
    missing = sorted(set(range(size)).difference(*ranking))
    if missing:
        raise InvalidRow(f"ranking: response {missing[0]} is not placed; place all {size}")
    if not ties_allowed and any(len(group) > 1 for group in ranking):
        raise InvalidRow("ranking: this project allows no ties; put one response above the other")
    return ranking


def is_strict_pair(ranking: Ranking) -> bool:
    return len(ranking) == 2 and all(len(group) == 1 for group in ranking)


def strength_of_pair(value: Any, ranking: Ranking) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or value not in (1, 2, 3):
        raise InvalidRow("strength: expected 1 (slightly), 2 (clearly) or 3 (much)")
    if not is_strict_pair(ranking):
        raise InvalidRow("strength: only for two responses of which one is better; leave it out")
    return int(value)


def above_the_line(value: Any, ranking: Ranking) -> list[int] | None:
    """Acceptable positions: the best tie groups down to some line, for what ranks above an acceptable one is too."""
    if value is None:
        return None
    acceptable = values.indices(value, sum(map(len, ranking)), "acceptable")
    above: set[int] = set()
    for group in ranking:
        if above == set(acceptable):
            break
        above.update(group)
    if above != set(acceptable):
        raise InvalidRow("acceptable: what ranks above or beside an acceptable response must be acceptable too")
    return acceptable if ranking else None


def on_scale(ratings: dict[str, list[float]], rubric: Rubric) -> dict[str, list[float]]:
    scales = {criterion.name: criterion.scale for criterion in rubric}
    for name, given in ratings.items():
        if name not in scales:
            raise InvalidRow(f"ratings: {name!r} is none of the project's criteria")
        if any(not 1 <= value <= scales[name] for value in given):
            raise InvalidRow(f"ratings.{name}: expected numbers from 1 to {scales[name]}")
    return ratings


def reason_of(value: Any) -> str:
    reason = values.text_of(value, "reason")
    if len(reason) > MAX_REASON:
        raise InvalidRow(f"reason: {len(reason)} characters; at most {MAX_REASON} are kept: shorten it")
    return reason


def edits_of(value: Any, *, texts: Sequence[str]) -> dict[str, str]:
    """Better texts by position; the same text again is no edit."""
    originals = {str(position): text for position, text in enumerate(texts)}
    edited = values.expect(value, dict, "edited")
    if not edited.keys() <= originals.keys():
        raise InvalidRow(f"edited: its keys are positions of the {len(texts)} responses")
    for position, text in edited.items():
        if not values.text_of(text, f"edited[{position}]").strip():
            raise InvalidRow(f"edited[{position}]: it is empty; write the better text or leave it out")
        if text == originals[position]:
            raise InvalidRow(f"edited[{position}]: it is the response as it was; change it or leave it out")
    return dict(edited)


def written_of(value: Any, *, size: int) -> str:
    written = values.text_of(value, "written")
    if size and written:
        raise InvalidRow("written: there are responses to judge here; a better one of them goes into edited")
    if not size and not written.strip():
        raise InvalidRow("written: this task asks for an answer of your own; write it")
    return written


def duration(value: Any) -> float | None:
    seconds = values.number(value, "seconds")
    if seconds is not None and not 0 <= seconds <= row_judgements.MAX_SECONDS:
        raise InvalidRow("seconds: expected a number from 0 to 2592000 (30 days)")
    return seconds

"""What annotators said, in letters and words. Imported judgements hold what others wrote: nothing is taken for
granted about the shape of a flag or a span."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.forms.flags import NAMES
from annotation.forms.letters import tiers


@dataclass(frozen=True, kw_only=True)
class Flag:
    """`letter` is the answer it is about; "" is the prompt."""

    words: str
    letter: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Comment:
    letter: str
    quote: str
    words: str
    by: str


def flags_of(flags: Any, *, by: str, letters: Sequence[str]) -> list[Flag]:
    found = []
    for flag in flags if isinstance(flags, list) else []:
        said = flag if isinstance(flag, dict) else {"flag": flag}
        name = str(said.get("flag", ""))
        found.append(Flag(words=str(NAMES.get(name, name)), letter=_letter(said.get("response"), letters), by=by))
    return found


def comments_of(spans: Any, *, by: str, letters: Sequence[str]) -> list[Comment]:
    return [
        Comment(
            letter=_letter(span.get("response"), letters),
            quote=str(span.get("text") or ""),
            words=str(span.get("comment") or ""),
            by=by,
        )
        for span in (spans if isinstance(spans, list) else [])
        if isinstance(span, dict)
    ]


def in_letters(groups: Iterable[Iterable[int]], letters: Sequence[str]) -> list[str]:
    """[[2], [0, 1]] -> ["C", "A = B"]: best first."""
    return [" = ".join(tied) for tied in tiers(groups, dict(enumerate(letters)))]


def places(groups: Iterable[Iterable[int]], *, size: int) -> list[int | None]:
    """The place of each answer, 1 for the best; None for one that was left unranked."""
    place_of = {position: place for place, group in enumerate(groups, 1) for position in group}
    return [place_of.get(position) for position in range(size)]


def ratings_of(ratings: Mapping[str, Any], *, size: int) -> list[tuple[str, list[Any]]]:
    """A row for each criterion, a value for each answer; None where none was given."""
    return [
        (name, [*(plain(value) for value in values), *[None] * size][:size])
        for name, values in ratings.items()
        if isinstance(values, list)
    ]


def plain(value: Any) -> Any:
    """A whole number without its ".0", whatever else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _letter(position: Any, letters: Sequence[str]) -> str:
    return letters[position] if type(position) is int and 0 <= position < len(letters) else ""

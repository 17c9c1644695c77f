"""From what was said or drafted, in positions, to what the desk's form starts with, by letter. Whatever does not fit
the task any more is left out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import marks
from annotation.formats.rubric import Rubric
from annotation.forms.desk_fields import EQUAL, rating_name
from annotation.forms.letters import known, listed, mapped

Content = Mapping[str, Any]
Letters = Mapping[int, str]  # by position


def initial_of(content: Content, *, letter_of: Letters, texts: Sequence[str], rubric: Rubric) -> dict[str, Any]:
    places = places_of(content, letter_of)
    return {
        **{f"rank_{letter_of[position]}": place for position, place in places.items()},
        "preference": preference_of(content, letter_of),
        "line": line_of(content, places=places, size=len(texts)),
        **ratings_of(content, letter_of, rubric),
        **flags_of(content, letter_of),
        "spans": spans_of(content, letter_of, texts),
        **edit_of(content, letter_of),
        "reason": text_of(content.get("reason")),
        "written": text_of(content.get("written")),
    }


def places_of(content: Content, letter_of: Letters) -> dict[int, int]:
    """From its places if it has any, else from its ranking."""
    groups = [known(group, letter_of) for group in listed(content.get("ranking"))]
    ranked = enumerate((group for group in groups if group), 1)
    places: dict[str, Any] = {str(position): place for place, group in ranked for position in group}
    places |= mapped(content.get("places"))
    kept = {position: places.get(str(position)) for position in letter_of}
    return {position: place for position, place in kept.items() if type(place) is int and 1 <= place <= len(kept)}


def preference_of(content: Content, letter_of: Letters) -> int | None:
    ranking = [group for group in (known(group, letter_of) for group in listed(content.get("ranking"))) if group]
    if sorted(position for group in ranking for position in group) != [0, 1]:
        return None
    if len(ranking) == 1:
        return EQUAL
    strength = next((n for n in (1, 2, 3) if n == content.get("strength")), 1)
    return EQUAL - strength if letter_of[ranking[0][0]] == "A" else EQUAL + strength


def line_of(content: Content, *, places: Mapping[int, int], size: int) -> int | None:
    line, acceptable = content.get("line"), content.get("acceptable")
    if type(line) is int and 0 <= line <= size:
        return line
    if not isinstance(acceptable, list):
        return None
    alone = {0: 1} if size == 1 else places  # a single answer has no place to be on
    return max((alone[p] for p in acceptable if type(p) is int and p in alone), default=0)


def ratings_of(content: Content, letter_of: Letters, rubric: Rubric) -> dict[str, int]:
    ratings = mapped(content.get("ratings"))
    return {
        rating_name(criterion, letter_of[position]): int(value)
        for criterion in rubric
        for position, value in enumerate(listed(ratings.get(criterion.name)))
        if position in letter_of and value in range(1, criterion.scale + 1)
    }


def flags_of(content: Content, letter_of: Letters) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in listed(content.get("flags")):
        name, position = mapped(flag).get("flag"), mapped(flag).get("response")
        if position is None and name in marks.PROMPT_FLAGS:
            found.setdefault("flag_prompt", []).append(name)
        elif type(position) is int and position in letter_of and name in marks.RESPONSE_FLAGS:
            found.setdefault(f"flag_{letter_of[position]}", []).append(name)
    return found


def spans_of(content: Content, letter_of: Letters, texts: Sequence[str]) -> str:
    kept = []
    for span in listed(content.get("spans"))[: marks.MAX_SPANS]:
        try:
            (found,) = marks.spans_of([span], texts=texts)
        except InvalidRow:
            continue
        kept.append({"answer": letter_of[found.pop("response")], **found})
    return json.dumps(kept, ensure_ascii=False) if kept else ""


def edit_of(content: Content, letter_of: Letters) -> dict[str, str]:
    for position, letter in letter_of.items():
        if text := text_of(mapped(content.get("edited")).get(str(position))):
            return {"edit_of": letter, "edited": text}
    return {}


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""

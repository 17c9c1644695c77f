"""What was changed between two texts, word by word."""

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MAX_WORDS = 4000  # of both texts together: the comparison takes time with their product
WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Part(NamedTuple):
    """`kind` is what happened to the text from the first to the second."""

    kind: Literal["same", "removed", "added"]
    text: str


def changes(before: str, after: str) -> list[Part] | None:
    """Joined without the added parts they are `before`, without the removed ones `after`. None: too long to compare."""
    old, new = WORD.findall(before), WORD.findall(after)
    if len(old) + len(new) > MAX_WORDS:
        return None
    parts: list[Part] = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=True).get_opcodes():
        if kind == "equal":
            parts.append(Part("same", "".join(old[start:end])))
            continue
        if start < end:
            parts.append(Part("removed", "".join(old[start:end])))
        if new_start < new_end:
            parts.append(Part("added", "".join(new[new_start:new_end])))
    return parts

"""What was changed between two saved texts, word by word, as a page that needs no script shows it. What is not saved
yet the desk compares itself (static/js/alignment.js); both cut texts alike: into words, and where a script puts no
spaces between words, into signs."""

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MAX_WORDS = 4000  # of both texts together: the comparison takes time with their product
# Han, kana, Thai, Lao, Khmer, Myanmar. (As `re` knows no classes of marks, the marks of these signs stand alone.)
UNSPACED = (
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
    "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u0e01-\u0e5b\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f"
)
WORD = re.compile(rf"\s+|[{UNSPACED}]|(?:(?![{UNSPACED}_])\w)+(?:['’](?:(?![{UNSPACED}_])\w)+)*|[^\s]")


class Part(NamedTuple):
    """`kind` is what happened to the text from the first to the second."""

    kind: Literal["same", "removed", "added"]
    text: str


def changes(before: str, after: str) -> list[Part] | None:
    """Without the added parts they are `before`, without the removed ones `after`. None: too long to compare."""
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

"""What strangers' servers wrote, made fit to be stored and shown."""

import re

# What no database keeps: NUL, and halves of surrogate pairs.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LONGEST_NAME = 200


def storable(text: str) -> str:
    return UNSTORABLE.sub(REPLACEMENT, text)


def sentence(text: str, *, longest: int = 500) -> str:
    """One line without control characters."""
    shown = "".join(character if character.isprintable() else " " for character in storable(text[:longest]))
    return " ".join(shown.split())


def is_name(text: str) -> bool:
    """Whether a model may be called so: a surrogate, a control character or a flood of text is no name."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()

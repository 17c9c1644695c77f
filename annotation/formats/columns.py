"""Which columns of a table are answers: `response_a`, `Answer 2`, `output3`; or a lone `response`."""

import re
from collections.abc import Iterable

SUFFIXED = re.compile("(response|answer|completion|output)[ _-]?([a-i]|[0-9]{1,2})", re.IGNORECASE)
LONE = re.compile("response|answer|completion|output", re.IGNORECASE)


def is_numbered_answer(name: str) -> bool:
    return SUFFIXED.fullmatch(name) is not None


def answers_among(names: Iterable[str]) -> list[str]:
    """In their order. A column without a letter or number counts where no other is an answer: beside some, it may be
    the right one."""
    names = list(names)
    return [name for name in names if is_numbered_answer(name)] or [name for name in names if LONE.fullmatch(name)]

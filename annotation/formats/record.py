"""One record of a foreign file, as its reader hands it on."""

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Binary = io.BufferedReader | io.BufferedRandom | gzip.GzipFile


@contextmanager
def as_text(content: Binary, *, newline: str | None = None) -> Iterator[io.TextIOWrapper]:
    """The content as UTF-8 text, with or without a byte order mark; the content itself stays open."""
    text = io.TextIOWrapper(content, encoding="utf-8-sig", newline=newline)
    try:
        yield text
    finally:
        text.detach()


@dataclass(frozen=True, kw_only=True)
class Record:
    """`number`: the line it begins on (the row, in Parquet). `problem`: why `value` is not what it should be."""

    number: int
    value: Any
    problem: str = ""

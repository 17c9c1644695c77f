"""What every view has: a name, an ending, and a function from a release's rows to lines of text."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from annotation.formats.hashing import canonical_json
from annotation.formats.manifest import Manifest
from annotation.formats.release_rows import Record
from annotation.formats.rows import Message

# Sentences about what a view left out, each with how often.
LeftOut = Counter[str]
Lines = Callable[[Iterable[Record], Manifest, LeftOut], Iterator[str]]


@dataclass(frozen=True)
class View:
    """`needs` ends the sentence that a release without a single fitting row is answered with."""

    name: str
    suffix: str
    help: str
    lines: Lines
    needs: str
    header: str = ""


def json_line(value: Record) -> str:
    return canonical_json(value) + "\n"


def answer(text: str) -> list[Message]:
    return [{"role": "assistant", "content": text}]

"""The file beside an import that says which rows were left out, and why."""

import json
import re
import secrets
from pathlib import Path
from types import TracebackType
from typing import IO

from annotation.exceptions import UnwritableFile
from annotation.formats.record import Record

OURS = re.compile(rb'\{"line": \d+, "reason": "')  # how the first line of every rejects file begins


class RejectsFile:
    """Written under a passing name; it takes its place when `keep` is called, and replaces an earlier one.

    It lies beside the imported file, or in the current directory where that folder cannot be written to, or where
    the person said. A file that is not ours is neither replaced nor removed.
    """

    def __init__(self, imported: Path, *, place: Path | None = None) -> None:
        """
        Raises:
            UnwritableFile: `place` is the imported file, a folder, or a file that no import wrote.
        """
        name = f"{imported.name}.rejects.jsonl"
        self.beside = None if place else imported.parent / name
        self.places = [place or imported.parent / name, *([] if place else [Path.cwd() / name])]
        self.path: Path | None = None
        self.passing: Path | None = None
        self.file: IO[str] | None = None
        if place:
            check_place(place, imported=imported)

    def __enter__(self) -> "RejectsFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self.file and self.passing:
            self.file.close()
            self.passing.unlink(missing_ok=True)

    def write(self, record: Record, reason: str) -> None:
        if self.file is None:
            self.path, self.passing, self.file = self.opened()
        said = {"line": record.number, "reason": reason, "row": record.value}
        try:
            text = json.dumps(said, default=repr, allow_nan=False)
        except ValueError:  # NaN and the like are no JSON: the row stands there as Python writes it
            text = json.dumps({**said, "row": repr(record.value)})
        self.file.write(text + "\n")

    def opened(self) -> tuple[Path, Path, IO[str]]:
        for place in self.places:
            if not may_be_replaced(place):
                continue
            passing = place.with_name(f".{secrets.token_hex(4)}.{place.name}")
            try:
                return place, passing, passing.open("x", encoding="utf-8")
            except OSError:
                continue
        raise UnwritableFile(
            f"No place for the rejected rows: {self.places[-1]} cannot be written, or no import wrote it. "
            "Name another file with --rejects."
        )

    def keep(self) -> Path | None:
        """The finished file; None when nothing was rejected: then an earlier one beside the import is removed."""
        if self.file is None or self.path is None or self.passing is None:
            if self.beside and is_ours(self.beside):
                remove(self.beside)
            return None
        self.file.close()
        self.file = None
        self.passing.replace(self.path)
        return self.path


def check_place(place: Path, *, imported: Path) -> None:
    if place.is_dir():
        raise UnwritableFile(f"--rejects {place} is a folder; name a file in it.")
    if same(place, imported):
        raise UnwritableFile(f"--rejects {place} is the imported file itself; name another.")
    if not place.parent.is_dir():
        raise UnwritableFile(f"--rejects {place}: there is no folder {place.parent}; make it or name another.")
    if not may_be_replaced(place):
        raise UnwritableFile(f"--rejects {place} is there and no import wrote it; name another, or remove it.")


def same(place: Path, other: Path) -> bool:
    try:
        return place.samefile(other)
    except OSError:
        return place.resolve() == other.resolve()


def may_be_replaced(path: Path) -> bool:
    """Nothing is there, or an empty file, or what an import wrote."""
    try:
        return not path.exists() or (path.is_file() and (path.stat().st_size == 0 or is_ours(path)))
    except OSError:
        return False


def is_ours(path: Path) -> bool:
    """Whether an import wrote it, by how it begins."""
    try:
        with path.open("rb") as file:
            return OURS.match(file.read(100)) is not None
    except OSError:
        return False


def remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return  # the folder takes no changes; the next import that rejects a row will find another place

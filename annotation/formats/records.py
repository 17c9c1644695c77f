"""Foreign files as a stream of records: JSON, JSON Lines, CSV and Parquet, plain or gzipped.

Nothing here holds more of a file than one record, one line or one Parquet batch. A record that cannot be read is
a `Record` with its `problem`; a file that is not what its name says raises.
"""

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from annotation.exceptions import UnreadableFile
from annotation.formats.json_text import array_records, line_records
from annotation.formats.limits import Counted, Limits, too_long
from annotation.formats.record import Binary, Record
from annotation.formats.tables import csv_records


def parquet_records(content: Binary, name: str, *, limits: Limits | None = None) -> Iterator[Record]:
    """Arrow is 40 MB in memory: the web process, which takes uploads, loads it for the first such file."""
    read = import_module("annotation.formats.parquet").parquet_records
    records: Iterator[Record] = read(content, name, limits=limits)
    yield from records


READERS: dict[str, Callable[[Binary, str], Iterator[Record]]] = {
    ".jsonl": line_records,
    ".ndjson": line_records,
    ".json": array_records,
    ".csv": csv_records,
    ".parquet": parquet_records,
}
KNOWN_NAMES = ".jsonl, .json, .csv or .parquet, or one of these with .gz"
GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
LONGEST_SIGNATURE = 4096


@dataclass(frozen=True, kw_only=True)
class RecordFile:
    """An open file: `records` gives its content once, `position` says how many of its `size` bytes were read."""

    name: str
    size: int
    raw: Binary
    content: Binary
    reader: Callable[[Binary, str], Iterator[Record]]
    limits: Limits | None = None

    @property
    def position(self) -> int:
        return self.size if self.raw.closed else min(self.raw.tell(), self.size)

    def records(self) -> Iterator[Record]:
        """
        Raises:
            UnreadableFile: the file ends too early, is damaged or is not what its name says.
            TooLong: it holds more than the limits allow.
        """
        try:
            for count, record in enumerate(self.reader(self.content, self.name), 1):
                if self.limits and count > self.limits.records:
                    raise too_long(self.name)
                yield record
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFile(f"{self.name} is cut off or damaged gzip: {error}. Copy it again.") from None
        except UnicodeDecodeError:
            raise UnreadableFile(f"{self.name} is not UTF-8 text. Convert it to UTF-8 first.") from None


@contextmanager
def open_records(path: Path, *, name: str = "", limits: Limits | None = None) -> Iterator[RecordFile]:
    """`name`: what the file is called, if that is not its name on disk.

    Raises:
        UnreadableFile: there is no such file, its name ends in nothing known, or its first bytes belie its name.
        TooLong: unpacked, it holds more than the limits allow.
    """
    if path.is_dir():
        raise UnreadableFile(f"{path} is a folder; name one file in it.")
    name = name or path.name
    suffix = suffix_of(name)
    try:
        size = path.stat().st_size
        raw = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from None
    reader = partial(parquet_records, limits=limits) if suffix == ".parquet" else READERS[suffix]
    with raw, decompressed(raw, name=name, suffix=suffix, limits=limits) as content:
        refuse_other_content(content, name=name, suffix=suffix)
        yield RecordFile(name=name, size=size, raw=raw, content=content, reader=reader, limits=limits)


def suffix_of(name: str) -> str:
    unpacked = name.lower().removesuffix(".gz")
    for suffix in READERS:
        if unpacked.endswith(suffix):
            return suffix
    raise UnreadableFile(f"{name}: cannot tell what it holds; its name should end in {KNOWN_NAMES}.")


@contextmanager
def decompressed(raw: Binary, *, name: str, suffix: str, limits: Limits | None) -> Iterator[Binary]:
    is_gzip = raw.read(2) == GZIP_MAGIC
    raw.seek(0)
    refuse_other_packing(name, is_gzip=is_gzip)
    if not is_gzip:
        yield raw if suffix == ".parquet" else bounded(raw, name=name, limits=limits)
        return
    with gzip.open(raw) as unpacked:
        content = bounded(unpacked, name=name, limits=limits)
        if suffix != ".parquet":
            yield content
            return
        with tempfile.TemporaryFile() as whole:  # Parquet is read from its end
            try:
                shutil.copyfileobj(content, whole)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise UnreadableFile(f"{name} is cut off or damaged gzip: {error}.") from None
            whole.seek(0)
            yield whole


def refuse_other_packing(name: str, *, is_gzip: bool) -> None:
    named_gzip = name.lower().endswith(".gz")
    if named_gzip and not is_gzip:
        raise UnreadableFile(f"{name} is not gzipped, as its name says; rename it without .gz.")
    if is_gzip and not named_gzip:
        raise UnreadableFile(f"{name} is gzipped, which its name does not say; rename it to {name}.gz.")


def bounded(content: Binary, *, name: str, limits: Limits | None) -> Binary:
    return io.BufferedReader(Counted(content, name=name, limits=limits)) if limits else content


def refuse_other_content(content: Binary, *, name: str, suffix: str) -> None:
    try:
        head = peek(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFile(f"{name} is cut off or damaged gzip: {error}. Copy it again.") from None
    is_parquet = head.startswith(PARQUET_MAGIC)
    if suffix == ".parquet" and not is_parquet:
        raise UnreadableFile(f"{name} is not Parquet, as its name says.")
    if suffix != ".parquet" and is_parquet:
        raise UnreadableFile(f"{name} is Parquet, which its name does not say; rename it.")
    if suffix != ".parquet" and b"\x00" in head:
        raise UnreadableFile(f"{name} is binary or UTF-16, not UTF-8 text. Convert it to UTF-8 first.")
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise UnreadableFile(f"{name} is empty.")


def peek(content: Binary) -> bytes:
    return content.peek(LONGEST_SIGNATURE)[:LONGEST_SIGNATURE]

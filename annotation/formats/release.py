"""A release on disk: a directory with `rankings.parquet` and `manifest.json`, written once and never changed.

The hash in the manifest is SHA-256 over the canonical JSON lines of the rows, sorted by key; it holds no database id,
no time of creation and no library version, so that the same judgements give the same hash everywhere.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.exceptions import DamagedRelease
from annotation.formats.manifest import FORMAT_VERSION, Counts, Manifest
from annotation.formats.release_rows import LABELLED, SCHEMA, Record, canonical_line, from_parquet, to_parquet

PARQUET = "rankings.parquet"
MANIFEST = "manifest.json"
# A row group stands in memory while it is written and read: at most so many rows or so much text.
GROUP_ROWS = 250
GROUP_CHARACTERS = 4_000_000


class Digest(NamedTuple):
    hash: str
    counts: dict[str, Any]


def write_rows(directory: Path, records: Iterable[Record], *, labelled: bool = False) -> Digest:
    """Write the rows as they come, in their order, and say what they hash and count to. `labelled`: each has a
    consensus, or None for it."""
    schema = LABELLED if labelled else SCHEMA
    sha, counts = hashlib.sha256(), Counts()
    group: list[Record] = []
    characters = 0
    with pq.ParquetWriter(directory / PARQUET, schema, compression="zstd") as writer:
        for record in records:
            line = canonical_line(record)
            sha.update(line.encode())
            counts.add(record)
            group.append(to_parquet(record))
            characters += len(line)
            if len(group) >= GROUP_ROWS or characters >= GROUP_CHARACTERS:
                writer.write_table(pa.Table.from_pylist(group, schema))
                group, characters = [], 0
        writer.write_table(pa.Table.from_pylist(group, schema))
    return Digest(sha.hexdigest(), counts.as_dict())


def seal(directory: Path, manifest: Manifest) -> None:
    """Write the manifest last, make both files read-only, and see them onto the disk."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (directory / MANIFEST).write_text(text, encoding="utf-8")
    for path in (directory / PARQUET, directory / MANIFEST):
        path.chmod(0o444)
        sync(path)
    sync(directory)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_manifest(directory: Path) -> Manifest:
    """
    Raises:
        DamagedRelease: there is none, or it is not one that this version reads.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedRelease(f"{directory} is no release: it has no {MANIFEST}.") from None
    except (OSError, ValueError) as error:
        raise DamagedRelease(f"{directory / MANIFEST} cannot be read: {error}.") from error
    if not isinstance(manifest, dict) or manifest.get("format_version") != FORMAT_VERSION:
        raise DamagedRelease(f"{directory / MANIFEST} is not of format version {FORMAT_VERSION}, the one read here.")
    return manifest


def read_rows(directory: Path) -> Iterator[Record]:
    """The rows in their order, one group in memory at a time.

    Raises:
        DamagedRelease: the Parquet file is missing, unreadable, or holds other columns than a release.
    """
    path = directory / PARQUET
    try:
        with pq.ParquetFile(path) as file:
            if not any(file.schema_arrow.equals(schema) for schema in (SCHEMA, LABELLED)):
                raise DamagedRelease(f"{path} does not have the columns of a release.")
            for batch in file.iter_batches(batch_size=GROUP_ROWS):
                for record in batch.to_pylist():
                    yield from_parquet(record)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedRelease(f"{path} cannot be read: {error}.") from error


def verify(directory: Path) -> Manifest:
    """The manifest, once the rows are sure to be those that it speaks of.

    Raises:
        DamagedRelease: a file is missing or unreadable, or rows or counts are not what the manifest says.
    """
    manifest = read_manifest(directory)
    sha, counts = hashlib.sha256(), Counts()
    for record in read_rows(directory):
        sha.update(canonical_line(record).encode())
        counts.add(record)
    if sha.hexdigest() != manifest.get("hash") or counts.as_dict() != manifest.get("counts"):
        raise DamagedRelease(
            f"{directory} was changed after it was released: its rows no longer match its {MANIFEST}. "
            "Move it away and export again."
        )
    return manifest

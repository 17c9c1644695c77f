"""Read a release directory and make sure that it is the one that was frozen.

The format is `rankings.parquet` beside `manifest.json`, whose hash is SHA-256 over the canonical JSON line of every
row in the file's order. It is read here without the code that wrote it: a cluster needs nothing but the directory.
Torch-free.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from training.exceptions import InvalidRelease
from training.ml.data.manifests import RANKINGS, read_manifest

READ_ROWS = 1000

Message = dict[str, str]
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Response:
    text: str
    policy: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """`ranking`: tie groups of response indices, best first. `edited`: better texts by response index. `written`:
    the annotator's own answer to a prompt without responses. `weight`: how much it counts against the others.
    `ratings`: by criterion, one number a response, None where there is none. `source`: human, imported, ai or
    simulated."""

    annotator: str
    ranking: list[list[int]]
    strength: int | None
    edited: dict[int, str]
    written: str
    weight: float = 1.0
    ratings: dict[str, list[float | None]] = field(default_factory=dict)
    source: str = "human"


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What all votes on the responses `a` and `b` come to: the probabilities that a is better, neither is, b is."""

    a: int
    b: int
    first: float
    tie: float
    second: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """`consensus`: empty where the release was exported without."""

    prompt: list[Message]
    responses: list[Response]
    judgements: list[Judgement]
    split: str
    tags: tuple[str, ...] = ()
    consensus: tuple[Agreed, ...] = ()

    @property
    def is_demonstration(self) -> bool:
        """A prompt with the one answer that somebody wrote for it."""
        return not self.judgements and len(self.responses) == 1


@dataclass(frozen=True, kw_only=True)
class Release:
    path: Path
    hash: str
    rows: list[Row]


def read(path: Path, *, expected_hash: str = "") -> Release:
    """The whole release, verified.

    Raises:
        InvalidRelease: missing or unreadable files, rows that are not what the manifest says, or another release
            than `expected_hash`.
    """
    manifest = read_manifest(path)
    sha = hashlib.sha256()
    rows = []
    for record in read_records(path):
        sha.update(canonical_line(record).encode())
        rows.append(row_of(record))
    if sha.hexdigest() != manifest["hash"]:
        raise InvalidRelease(f"{path} was changed after it was released: its rows do not match its manifest.json")
    if expected_hash and expected_hash != sha.hexdigest():
        raise InvalidRelease(f"{path} is another release than this run was made for; restore it, or start a new run")
    return Release(path=path, hash=sha.hexdigest(), rows=rows)


def read_records(path: Path) -> Iterator[Record]:
    """The rows as nested objects, a batch of them in memory at a time."""
    try:
        with pq.ParquetFile(path / RANKINGS) as file:
            for batch in file.iter_batches(batch_size=READ_ROWS):
                for record in batch.to_pylist():
                    yield with_values(record)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidRelease(f"{path / RANKINGS} cannot be read: {error}") from None


def with_values(record: Record) -> Record:
    """Free-form JSON, which Parquet carries as text, as the values that the hash is over."""
    return {
        **decoded(record, "metadata", "known"),
        "responses": [decoded(response, "sampling") for response in record["responses"]],
        "judgements": [
            decoded(judgement, "ratings", "flags", "edited", "spans") for judgement in record["judgements"]
        ],
    }


def decoded(record: Record, *names: str) -> Record:
    return record | {name: json.loads(record[name]) for name in names}


def canonical_line(record: Record) -> str:
    """Sorted keys, no spaces, whole floats as integers, one line."""
    text = json.dumps(plain(record), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text + "\n"


def plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def row_of(record: Record) -> Row:
    return Row(
        prompt=[{"role": message["role"], "content": message["content"]} for message in record["prompt"]],
        responses=[Response(text=item["text"], policy=item["policy"]) for item in record["responses"]],
        judgements=[judgement_of(item) for item in record["judgements"]],
        split=record["split"],
        tags=tuple(record["tags"]),
        consensus=tuple(Agreed(**pair) for pair in (record.get("consensus") or {}).get("pairs", ())),
    )


def judgement_of(record: Record) -> Judgement:
    return Judgement(
        annotator=record["annotator"],
        ranking=record["ranking"],
        strength=record["strength"],
        edited={int(position): text for position, text in record["edited"].items()},
        written=record["written"],
        weight=record["weight"],
        ratings=record["ratings"],
        source=record["source"],
    )

"""A row of a release: one prompt, its responses, and what was said of them. The hash of a release is over the
canonical lines of its rows; Parquet only carries them, with free-form JSON as text."""

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import pyarrow as pa

from annotation.formats.hashing import canonical_json
from annotation.formats.row_judgements import Ranking

Record = dict[str, Any]

ROW_TEXTS = ("metadata", "known")
RESPONSE_TEXTS = ("sampling",)
JUDGEMENT_TEXTS = ("ratings", "flags", "edited", "spans")

SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        (
            "responses",
            pa.list_(pa.struct([("text", pa.string()), ("policy", pa.string()), ("sampling", pa.string())])),
        ),
        (
            "judgements",
            pa.list_(
                pa.struct(
                    [
                        ("uid", pa.string()),
                        ("annotator", pa.string()),
                        ("ranking", pa.list_(pa.list_(pa.int16()))),
                        ("strength", pa.int16()),
                        ("acceptable", pa.list_(pa.int16())),
                        ("ratings", pa.string()),
                        ("flags", pa.string()),
                        ("reason", pa.string()),
                        ("edited", pa.string()),
                        ("spans", pa.string()),
                        ("written", pa.string()),
                        ("seconds", pa.float64()),
                        ("shown", pa.list_(pa.int16())),
                        ("at", pa.string()),
                        ("source", pa.string()),
                        ("guideline", pa.int32()),
                        ("revision", pa.int32()),
                        ("weight", pa.float64()),
                    ]
                )
            ),
        ),
        ("tags", pa.list_(pa.string())),
        ("metadata", pa.string()),
        ("split", pa.string()),
        ("purpose", pa.string()),
        ("generation", pa.string()),
        ("strategy", pa.string()),
        ("score", pa.float64()),
        ("propensity", pa.float64()),
        ("known", pa.string()),
    ]
)

# A release whose rows say what their votes come to together has a column more, and so another hash.
LABELLED = SCHEMA.append(
    pa.field(
        "consensus",
        pa.struct(
            [
                ("ranking", pa.list_(pa.list_(pa.int16()))),
                (
                    "pairs",
                    pa.list_(
                        pa.struct(
                            [
                                ("a", pa.int16()),
                                ("b", pa.int16()),
                                ("first", pa.float64()),
                                ("tie", pa.float64()),
                                ("second", pa.float64()),
                            ]
                        )
                    ),
                ),
                ("sureness", pa.float64()),
                ("judgements", pa.int32()),
            ]
        ),
    )
)


class Pair(NamedTuple):
    """Two positions of one judgement; with `tie` the order means nothing."""

    better: int
    worse: int
    tie: bool


def pairs_of(ranking: Ranking) -> Iterator[Pair]:
    """Every pair of ranked positions; what was left unranked is compared with nothing."""
    placed = [(rank, position) for rank, group in enumerate(ranking) for position in sorted(group)]
    for (rank, better), (other_rank, worse) in combinations(placed, 2):
        yield Pair(better, worse, rank == other_rank)


def canonical_line(record: Record) -> str:
    return canonical_json(plain(record)) + "\n"


def plain(value: Any) -> Any:
    """Whole floats as integers: PostgreSQL's JSON gives 1e16 back as an integer and drops the sign of -0.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def to_parquet(record: Record) -> Record:
    return {
        **as_text(record, ROW_TEXTS),
        "responses": [as_text(response, RESPONSE_TEXTS) for response in record["responses"]],
        "judgements": [as_text(judgement, JUDGEMENT_TEXTS) for judgement in record["judgements"]],
    }


def from_parquet(record: Record) -> Record:
    return {
        **as_values(record, ROW_TEXTS),
        "responses": [as_values(response, RESPONSE_TEXTS) for response in record["responses"]],
        "judgements": [as_values(judgement, JUDGEMENT_TEXTS) for judgement in record["judgements"]],
    }


def as_text(record: Record, names: tuple[str, ...]) -> Record:
    return record | {name: canonical_json(plain(record[name])) for name in names}


def as_values(record: Record, names: tuple[str, ...]) -> Record:
    return record | {name: json.loads(record[name]) for name in names}

"""Judgements as arrays, for tests of what is counted from them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from annotation.stats.said import Said, ranks_of

DATA = Path(__file__).parents[4] / "shared/data"


def said_of(rows, *, size, seconds=None, at=None, shown=None, guidelines=None):
    """`rows` are (task, annotator, ranking) with names of any kind; indices go by order of appearance."""
    tasks, annotators, rankings = zip(*rows, strict=True)
    names, keys = list(dict.fromkeys(annotators)), list(dict.fromkeys(tasks))
    unknown = np.full(len(rows), np.nan)
    return Said(
        tasks=placed(tasks, keys),
        annotators=placed(annotators, names),
        ranks=ranks_of(rankings, size=size),
        at=unknown if at is None else np.asarray(at, dtype=float),
        seconds=unknown if seconds is None else np.asarray(seconds, dtype=float),
        shown=np.full((len(rows), size), -1, np.int8) if shown is None else np.asarray(shown, np.int8),
        guidelines=np.zeros(len(rows), np.int64) if guidelines is None else np.asarray(guidelines),
        names=tuple(map(str, names)),
        task_ids=np.arange(len(keys)),
    )


def placed(values, keys):
    place = {key: index for index, key in enumerate(keys)}
    return np.array([place[value] for value in values])


def data(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the checkout (../shared/data)")
    return gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else path.open(encoding="utf-8")


def native_rows(name):
    with data(f"native/{name}.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def said_of_native(rows, *, size):
    return said_of(
        [
            (number, judgement["annotator"], judgement["ranking"])
            for number, row in enumerate(rows)
            for judgement in row["judgements"]
        ],
        size=size,
    )

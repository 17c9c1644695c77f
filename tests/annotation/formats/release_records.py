"""Rows of a release for tests, and a release of them on disk."""

from pathlib import Path
from typing import Any

from annotation.formats.hashing import content_hash
from annotation.formats.manifest import FORMAT_VERSION
from annotation.formats.release import seal, write_rows
from annotation.formats.release_rows import Record

QUESTION = [{"role": "user", "content": "Why?"}]


def record(*, texts: list[str], judgements: list[Record], **changed: Any) -> Record:
    return {
        "key": "row",
        "prompt": QUESTION,
        "responses": [{"text": text, "policy": f"p{i}", "sampling": {}} for i, text in enumerate(texts)],
        "judgements": judgements,
        "tags": [],
        "metadata": {},
        "split": "train",
        "purpose": "label",
        "generation": "",
        "strategy": "",
        "score": None,
        "propensity": None,
        "known": None,
        **changed,
    }


def judgement(ranking: list[list[int]], **changed: Any) -> Record:
    return {
        "uid": content_hash([ranking, changed]),
        "annotator": "ann",
        "ranking": ranking,
        "strength": None,
        "acceptable": None,
        "ratings": {},
        "flags": [],
        "reason": "",
        "edited": {},
        "spans": [],
        "written": "",
        "seconds": None,
        "shown": None,
        "at": None,
        "source": "imported",
        "guideline": None,
        "revision": 0,
        "weight": 1.0,
        **changed,
    }


def release_of(directory: Path, *records: Record) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    digest = write_rows(directory, records)
    kinds = dict.fromkeys(digest.counts["policies"], "people")
    manifest = {"format_version": FORMAT_VERSION, "hash": digest.hash, "counts": digest.counts, "policies": kinds}
    seal(directory, manifest)
    return directory

"""Small releases, written by the code that writes real ones."""

from pathlib import Path
from typing import Any

from annotation.formats import release
from annotation.formats.hashing import content_hash, split_of

GOOD, BAD = "Yes: open the lid and press the green button.", "No."


def judged_row(number: int) -> dict[str, Any]:
    """A question whose helpful answer was preferred; which answer stands first changes from row to row."""
    prompt = [{"role": "user", "content": f"Question {number}: how do I start the kettle?"}]
    texts = [f"{GOOD} ({number})", BAD]
    good = number % 2
    return row(
        prompt,
        texts=texts[::-1] if good else texts,
        judgements=[judgement(f"j{number}", ranking=[[good], [1 - good]])],
        key=f"row-{number:04}",
    )


def demonstration_row(number: int) -> dict[str, Any]:
    prompt = [{"role": "user", "content": f"Shown {number}: how do I clean the kettle?"}]
    return row(prompt, texts=[f"Rinse it {number} times, then dry it."], judgements=[], key=f"shown-{number:04}")


def row(prompt: list[dict[str, str]], *, texts: list[str], judgements: list[Any], key: str) -> dict[str, Any]:
    return {
        "key": key,
        "prompt": prompt,
        "responses": [{"text": text, "policy": "shop", "sampling": {}} for text in texts],
        "judgements": judgements,
        "tags": [],
        "metadata": {},
        "split": split_of(content_hash(prompt)),
        "purpose": "label",
        "generation": "",
        "strategy": "",
        "score": None,
        "propensity": None,
        "known": None,
    }


def judgement(uid: str, *, ranking: list[list[int]]) -> dict[str, Any]:
    return {
        "uid": uid,
        "annotator": "a1",
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
        "source": "human",
        "guideline": None,
        "revision": 0,
        "weight": 1.0,
    }


def write_release(directory: Path, *, slug: str = "kettle", judged: int = 40, shown: int = 10) -> Path:
    """A release under `directory`, named as `export_release` names it."""
    rows = sorted(
        [*map(judged_row, range(judged)), *map(demonstration_row, range(shown))], key=lambda row: row["key"]
    )
    unnamed = directory / f".{slug}"
    unnamed.mkdir(parents=True)
    digest = release.write_rows(unnamed, rows)
    release.seal(unnamed, {"format_version": release.FORMAT_VERSION, "hash": digest.hash, "counts": digest.counts})
    return unnamed.rename(directory / f"{slug}-{digest.hash[:12]}")

"""QA-Feedback as releases: four answers of a model to a question, ranked by one person; questions held out whole.

Source: Wu et al., Fine-Grained Human Feedback Gives Better Rewards for Language Model Training (2306.01693).
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.formats import release
from annotation.formats.hashing import content_hash
from tests.bench.arguments import SHARED
from tests.training.releases import judgement, row

FILE = "qa-feedback.jsonl.gz"


@dataclass(frozen=True, kw_only=True)
class Question:
    """`ranking`: tie groups of answers, best first."""

    key: str
    text: str
    passages: str
    answers: list[str]
    policies: list[str]
    ranking: list[list[int]]

    def prompt(self, *, passages: bool) -> str:
        return f"{self.passages}\n\n{self.text}" if passages else self.text


def read(path: Path = SHARED / FILE) -> list[Question]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [question_of(json.loads(line)) for line in lines]


def question_of(record: Mapping[str, Any]) -> Question:
    return Question(
        key=record["id"],
        text=record["prompt"],
        passages=record["metadata"]["passages"],
        answers=[answer["text"] for answer in record["responses"]],
        policies=[answer["policy"] for answer in record["responses"]],
        ranking=record["judgements"][0]["ranking"],
    )


def fold_of(question: Question, *, count: int) -> int:
    """By the question alone: one that is asked twice is held out twice in one fold."""
    return int(content_hash(question.text)[:8], 16) % count


def write(
    directory: Path, questions: Sequence[Question], *, held_out: int, folds: int, passages: bool
) -> tuple[Path, str]:
    """A release whose test split is the fold `held_out`, and its hash."""
    rows = [
        as_row(one, split="test" if fold_of(one, count=folds) == held_out else "train", passages=passages)
        for one in questions
    ]
    directory.mkdir(parents=True)
    digest = release.write_rows(directory, sorted(rows, key=lambda row: row["key"]))
    release.seal(directory, {"format_version": release.FORMAT_VERSION, "hash": digest.hash, "counts": digest.counts})
    return directory, digest.hash


def as_row(question: Question, *, split: str, passages: bool) -> dict[str, Any]:
    found = row(
        [{"role": "user", "content": question.prompt(passages=passages)}],
        texts=question.answers,
        judgements=[judgement(question.key, ranking=question.ranking)],
        key=question.key,
    )
    responses = [
        answer | {"policy": policy} for answer, policy in zip(found["responses"], question.policies, strict=True)
    ]
    return found | {"split": split, "responses": responses}

"""What the benchmark of QA-Feedback counts, on questions of our own."""

import gzip
import json
from typing import Any

import pytest

from annotation.formats import release
from tests.bench import bench_feedback, feedback
from tests.bench.bench_arguments import Scores
from training.ml.data import pairs, releases
from training.ml.data.pairs import Pair


def record(number: int, *, question: str | None = None) -> Any:
    return {
        "id": f"q{number}",
        "prompt": question or f"How hot is tea {number}?",
        "responses": [{"text": f"{word} {number}.", "policy": f"p-{word}"} for word in ("Very", "Not at all", "Hot")],
        "judgements": [{"annotator": "a1", "ranking": [[2], [0, 1]]}],
        "metadata": {"passages": "Tea\n\nIt is hot."},
    }


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.jsonl.gz"
    with gzip.open(path, "wt") as file:
        records = [*map(record, range(10)), record(10, question="How hot is tea 0?")]
        file.writelines(json.dumps(one) + "\n" for one in records)
    return feedback.read(path)


def test_passages_stand_before_the_question_only_if_asked_for(questions):
    assert questions[3].prompt(passages=False) == "How hot is tea 3?"
    assert questions[3].prompt(passages=True) == "Tea\n\nIt is hot.\n\nHow hot is tea 3?"


def test_each_question_is_held_out_once_and_one_asked_twice_with_its_twin(questions, tmp_path):
    held_out: list[str] = []
    for fold in range(3):
        path, digest = feedback.write(tmp_path / str(fold), questions, held_out=fold, folds=3, passages=False)
        assert release.verify(path)["hash"] == digest
        rows = list(release.read_rows(path))
        here = {row["prompt"][0]["content"] for row in rows if row["split"] == "test"}
        assert not here & {row["prompt"][0]["content"] for row in rows if row["split"] == "train"}
        held_out += [row["key"] for row in rows if row["split"] == "test"]
    assert sorted(held_out) == sorted(one.key for one in questions)


def test_a_release_has_the_pairs_of_a_ranking_with_their_policies_and_leaves_ties_out(questions, tmp_path):
    path, _ = feedback.write(tmp_path / "r", questions, held_out=0, folds=3, passages=False)
    found = pairs.of_release(releases.read(path))
    assert len(found.train) + len(found.held_out) == 22
    assert found.train_ties + found.held_out_ties == 11
    assert {(pair.chosen_policy, pair.rejected_policy) for pair in found.train} == {
        ("p-Hot", "p-Very"),
        ("p-Hot", "p-Not at all"),
    }


def test_a_pair_is_right_if_the_preferred_answer_has_more():
    first = Pair(prompt=(("user", "a"),), chosen="x", rejected="y")
    second = Pair(prompt=(("user", "b"),), chosen="x", rejected="y")
    scores: Scores = {
        (first.prompt_id, "x"): 2.0,
        (first.prompt_id, "y"): 1.0,
        (second.prompt_id, "x"): 0.0,
        (second.prompt_id, "y"): 1.0,
    }
    found = bench_feedback.outcomes([first, second], scores)
    assert [(one.prompt_id, one.credit) for one in found] == [(first.prompt_id, 1.0), (second.prompt_id, 0.0)]

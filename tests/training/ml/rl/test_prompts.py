"""Which prompts a run reads, and in which order they are answered."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.training.ml.rl import policies
from training.exceptions import InvalidRun
from training.ml.data.conversations import Encoder
from training.ml.rl import prompts
from training.ml.rl.prompts import Prompts, of_step
from training.ml.rl.rollouts import Prompt
from training.ml.run.rundir import RunDirectory


def line(identity: str, content: str = "a", **fields: Any) -> dict[str, Any]:
    return {"id": identity, "messages": [{"role": "user", "content": content}], **fields}


def read(path: Path, *lines: Any, room: int = 12, overlong: str = "truncate", **options: Any) -> Prompts:
    run = RunDirectory(path)
    run.prompts.write_text("".join(json.dumps(one) + "\n" for one in lines))
    encoder = Encoder(policies.tokenizer(), max_length=16, overlong=overlong)
    return prompts.read(run, encoder=encoder, room=room, **options)


def test_prompts_end_where_their_answers_begin(tmp_path: Path) -> None:
    found = read(tmp_path, line("p", "a b"), line("q", split="test"))
    assert [(one.id, one.ids) for one in found.train] == [("p", [2, 3, 4])]
    assert [(one.id, one.ids) for one in found.test] == [("q", [2, 3])]


def test_a_prompt_without_a_split_is_learnt_from(tmp_path: Path) -> None:
    found = read(tmp_path, line("p"), line("q", split="train"), line("r", split="test"))
    assert [one.id for one in found.train] == ["p", "q"]


def test_too_long_a_prompt_loses_its_beginning_and_is_counted(tmp_path: Path) -> None:
    found = read(tmp_path, line("p", "c " * 20 + "a b"), line("q", split="test"))
    assert len(found.train[0].ids) == 12
    assert found.train[0].ids[-2:] == [3, 4]
    assert found.lengths == {"max_length": 12, "truncated": 1, "dropped": 0}


def test_too_long_a_prompt_is_dropped_where_that_was_asked_for(tmp_path: Path) -> None:
    found = read(tmp_path, line("p", "c " * 20), line("q"), line("r", split="test"), overlong="drop")
    assert [one.id for one in found.train] == ["q"]
    assert found.lengths["dropped"] == 1


@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_a_split_without_a_prompt_ends_the_run(tmp_path: Path, split: str, other: str) -> None:
    with pytest.raises(InvalidRun, match=f"no prompt of the {split} split is left"):
        read(tmp_path, line("p", split=other))


def test_what_learns_nothing_needs_no_prompts_to_learn_from(tmp_path: Path) -> None:
    assert read(tmp_path, line("p", split="test"), needs_train=False).train == []


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([["p"]], "expected"),
        ([{"id": "p"}], "expected"),
        ([{"id": "p", "messages": "a"}], "expected"),
        ([{"messages": []}], "expected"),
        ([line("p", split="dev")], "a split 'dev'; expected train or test"),
        ([line("p"), line("p")], "the id p stands twice"),
    ],
)
def test_a_line_that_is_none_of_ours_is_told(tmp_path: Path, lines: list[Any], sentence: str) -> None:
    with pytest.raises(InvalidRun, match=sentence):
        read(tmp_path, *lines)


def asked(number: int) -> list[Prompt]:
    return [Prompt(id=f"p{place}", messages=[], ids=[3]) for place in range(number)]


def test_every_pass_answers_each_prompt_once_in_an_order_of_its_own() -> None:
    """Ten prompts, four at a step: after five steps each has been answered twice."""
    found = [one.id for step in range(1, 6) for one in of_step(asked(10), step=step, size=4, seed=3)]
    first, second = found[:10], found[10:]
    assert sorted(first) == sorted(second) == sorted(one.id for one in asked(10))
    assert len({tuple(first), tuple(second), tuple(one.id for one in asked(10))}) == 3


def test_a_step_may_be_larger_than_a_pass() -> None:
    found = of_step(asked(3), step=2, size=7, seed=3)
    assert set(Counter(one.id for one in found).values()) <= {2, 3}


def test_a_step_asks_the_same_whenever_it_is_made_and_by_its_seed() -> None:
    assert of_step(asked(10), step=4, size=6, seed=3) == of_step(asked(10), step=4, size=6, seed=3)
    assert of_step(asked(10), step=4, size=6, seed=3) != of_step(asked(10), step=4, size=6, seed=4)

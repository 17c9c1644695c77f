"""The course of a run: when it is measured, which measurement is the best, and what a resumed run knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from training.exceptions import RunFailed
from training.ml.knobs.rl import RolloutKnobs
from training.ml.rl import course
from training.ml.rl.course import Course
from training.ml.rl.evaluation import Evaluation
from training.ml.rl.judges import Function, Judge
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.rl.states import Said
from training.ml.run.rundir import RunDirectory

ASKED = [Prompt(id=f"p{place}", messages=[{"role": "user", "content": "a"}], ids=[3]) for place in range(6)]


@dataclass
class Policy:
    """Answers with so many tokens, each of which is `apart` nats likelier than the reference says."""

    length: int = 2
    apart: float = 0.0

    def __call__(self, prompts: Sequence[Prompt], *, draw: str) -> list[Rollout]:
        assert draw == "held out"
        return [
            Rollout(prompt=one, answer=list(range(9, 9 + self.length)), text="x" * self.length, ended=False)
            for one in prompts
        ]

    def says(self, rollouts: Sequence[Rollout]) -> Said:
        return said(rollouts, self.apart)


def said(rollouts: Sequence[Rollout], value: float) -> Said:
    tokens = sum(len(one.answer) for one in rollouts)
    return Said(log_probs=torch.full((tokens,), value), distributions=torch.full((tokens, 4), 0.25).log())


def reference(rollouts: Sequence[Rollout]) -> Said:
    return said(rollouts, 0.0)


def length(prompts: Sequence[Any], completions: Sequence[str]) -> list[float]:
    """Of the answers to a group of prompts, in turn one more."""
    return [len(text) + place % 2 for place, text in enumerate(completions)]


def shorter(prompts: Sequence[Any], completions: Sequence[str]) -> list[float]:
    return [-value for value in length(prompts, completions)]


def opened(path: Path, *, gold: bool = False, **values: Any) -> Course:
    path.mkdir(exist_ok=True)
    knobs = RolloutKnobs(**{"missing_eos": "off", "max_length_drift": 0.0} | values)
    judge = Judge(sources=(Function(name="length", weight=1.0, function=length),), knobs=knobs)
    held_out = Judge(sources=(Function(name="shorter", weight=1.0, function=shorter),), knobs=knobs)
    evaluation = Evaluation(prompts=ASKED, judge=judge, gold=held_out if gold else None, size=4)
    return Course(directory=RunDirectory(path), evaluation=evaluation, knobs=knobs, steps=10)


def gone(found: Course, *policies: Policy) -> Course:
    """The base first, then each after one more step."""
    for step, policy in enumerate(policies):
        if step:
            found.measure(step, policy, policy=policy.says, reference=reference)
        else:
            found.begin(policy, policy=policy.says, reference=reference)
    return found


@pytest.mark.parametrize(
    ("steps", "wanted", "expected"),
    [
        (20, None, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]),
        (3, None, [1, 2, 3]),
        (10, 4, [4, 8, 10]),
        (10, 50, [10]),
    ],
)
def test_it_is_measured_ten_times_a_run_or_as_often_as_was_asked_and_at_the_end(
    steps: int, wanted: int | None, expected: list[int]
) -> None:
    assert list(course.evaluations(steps=steps, wanted=wanted)) == expected


def test_every_measurement_stands_in_the_metrics_and_some_answers_beside(tmp_path: Path) -> None:
    found = gone(opened(tmp_path), Policy(), Policy(length=3, apart=0.5))
    first, second = found.directory.read_metrics()
    assert (first["step"], second["step"], second["steps"]) == (0, 1, 10)
    assert second["held_out"]["score"] == 3.5
    assert second["held_out"]["kl"] == pytest.approx(1.5)
    assert found.directory.completions.read_text().count('"step": 1') == 4


def test_the_best_is_the_highest_score_within_the_budget(tmp_path: Path) -> None:
    path = [Policy(), Policy(length=3, apart=0.1), Policy(length=5, apart=0.1), Policy(length=9, apart=0.1)]
    assert gone(opened(tmp_path / "free"), *path).best_step() == 3
    assert gone(opened(tmp_path / "bound", max_kl=0.6), *path).best_step() == 2


def test_the_held_out_reward_decides_where_there_is_one(tmp_path: Path) -> None:
    path = [Policy(length=3), Policy(length=2), Policy(length=9)]
    assert gone(opened(tmp_path, gold=True), *path).best_step() == 1


def test_prompts_that_choose_the_policy_do_not_tell_what_it_gained(tmp_path: Path) -> None:
    """Luck on the prompts that choose is no gain."""
    found = gone(opened(tmp_path), Policy(), Policy(length=3))
    found.history[1] |= {"scores": [9.0, 1.0, 9.0, 3.0, 9.0, 2.0]}
    assert (found.best_step(), found.choosing()) == (1, 3)
    assert found.told(1) == found.history[1] | {"scores": [1.0, 3.0, 2.0], "score": 2.0}
    found.history[1] |= {"scores": [1.0, 9.0, 1.0, 9.0, 1.0, 9.0]}
    assert found.best_step() == 0
    assert found.told(1)["score"] == 9.0


def test_a_single_prompt_chooses_and_tells(tmp_path: Path) -> None:
    found = opened(tmp_path)
    found.evaluation = replace(found.evaluation, prompts=ASKED[:1])
    gone(found, Policy(), Policy(length=3))
    assert found.best_step() == 1
    assert found.told(1)["scores"] == found.history[1]["scores"] == [3.0]
    assert found.choosing() == 0


def test_a_run_whose_policies_were_chosen_by_another_rule_does_not_go_on(tmp_path: Path) -> None:
    kept = gone(opened(tmp_path), Policy()).as_json()
    del kept["choosing"]
    with pytest.raises(RunFailed, match="an earlier version began this run"):
        opened(tmp_path).go_on(kept, step=0)


def test_a_guard_stops_it_only_where_it_is_told_to(tmp_path: Path) -> None:
    path = [Policy(), Policy(length=3, apart=1.0)]
    stopped = gone(opened(tmp_path / "one", max_kl=1.0), *path)
    assert (stopped.stopped, [alarm["name"] for alarm in stopped.alarms]) == (True, ["kl"])
    warned = gone(opened(tmp_path / "two", max_kl=1.0, stop_on=""), *path)
    assert (warned.stopped, [alarm["name"] for alarm in warned.alarms]) == (False, ["kl"])


def test_scores_are_normalised_by_the_bases_own_answers(tmp_path: Path) -> None:
    """2, 3, 2, 3, …: mean 2.5, standard deviation 1/2."""
    found = gone(opened(tmp_path, normalise=True), Policy(), Policy(length=3))
    assert [entry["reward"] for entry in found.history] == [0.0, 2.0]
    assert [entry["score"] for entry in found.history] == [2.5, 3.5]


def test_a_resumed_run_knows_all_of_it_and_forgets_later_answers(tmp_path: Path) -> None:
    path = [Policy(), Policy(length=3, apart=0.1), Policy(length=4, apart=0.2)]
    found = gone(opened(tmp_path, normalise=True, max_kl=0.2), *path[:2])
    kept = found.as_json()
    before = found.directory.completions.read_text()
    gone_on = opened(tmp_path, normalise=True, max_kl=0.2)
    found.measure(2, path[2], policy=path[2].says, reference=reference)
    gone_on.go_on(kept, step=1)
    assert gone_on.directory.completions.read_text() == before
    gone_on.measure(2, path[2], policy=path[2].says, reference=reference)
    assert gone_on.as_json() == found.as_json()
    assert gone_on.best_step() == found.best_step()

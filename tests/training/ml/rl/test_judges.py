"""What becomes of what models and functions say: by hand where there are numbers, else with a real model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.ml import builders
from training.exceptions import AnswerTooLong, InvalidBase, InvalidKnob, InvalidRun, RunFailed
from training.ml import rewards
from training.ml.knobs.rl import RewardingKnobs
from training.ml.rewards import Reward
from training.ml.rl import judges
from training.ml.rl.judges import Function, Judge, Model
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.run.machine import Machine
from training.ml.run.rundir import ReleaseReference, RewardReference, RunDirectory

CPU = Machine(device="cpu", precision="fp32", threads=1)
HERE = "tests.training.ml.rl.test_judges"
SCORES = {"good": 3.0, "fair": 1.0, "poor": -2.0}
OFF = RewardingKnobs(missing_eos="off")


@dataclass
class Scorer:
    """Says what is written down, and reads so many characters."""

    reads: int = 100
    asked: list[str] = field(default_factory=list)

    def rewards(self, conversations: Sequence[Any]) -> list[Reward]:
        if not all(self.fits(*conversation) for conversation in conversations):
            raise AnswerTooLong("too long")
        self.asked += [answer for _, answer in conversations]
        return [self.reward(SCORES.get(answer, 0.0)) for _, answer in conversations]

    def reward(self, value: float) -> Reward:
        return Reward(value=value, spread=0.5, conservative=value - 0.5, members=(value - 0.5, value + 0.5), heads={})

    def fits(self, prompt: Sequence[Any], answer: str) -> bool:
        return len(answer) <= self.reads


def rollout(text: str, *, ended: bool = True, question: str = "Question 3?") -> Rollout:
    prompt = Prompt(id=question, messages=[{"role": "user", "content": question}], ids=[])
    return Rollout(prompt=prompt, answer=[1], text=text, ended=ended)


def judge(knobs: RewardingKnobs = OFF, *, scorer: Scorer | None = None, conservative: bool = False) -> Judge:
    model = Model(name="m", weight=1.0, source="m", scorer=scorer or Scorer(), conservative=conservative)
    return Judge(sources=(model,), knobs=knobs)


def length(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[int]:
    return [len(text) for text in completions]


def rude(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    prompts[0][0]["content"] = "changed"
    return [0.0 for _ in completions]


def short(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [0.0]


def boundless(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[Any]:
    return [math.inf for _ in completions]


def silent(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[Any]:
    return [None for _ in completions]


def broken(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    raise KeyError("price")


def function(name: str, *, weight: float = 1.0, held_out: bool = False) -> RewardReference:
    return RewardReference(source=f"{HERE}:{name}", weight=weight, hash="", held_out=held_out)


def opened(*references: RewardReference, knobs: RewardingKnobs = OFF) -> Judge:
    return judges.opened(references, knobs=knobs, machine=CPU)


def test_parts_are_weighed_and_told_apart() -> None:
    penal = Function(name="length", weight=-0.1, function=length)
    found = Judge(sources=(*judge().sources, penal), knobs=OFF).of([rollout("good"), rollout("poor")])
    assert [verdict.parts for verdict in found] == [{"m": 3.0, "length": 4.0}, {"m": -2.0, "length": 4.0}]
    assert [verdict.score for verdict in found] == pytest.approx([2.6, -2.4])
    assert [verdict.reward for verdict in found] == [verdict.score for verdict in found]
    assert [verdict.spread for verdict in found] == [0.5, 0.5]


def test_rewards_are_normalised_by_what_is_said_of_the_base() -> None:
    base = [rollout("good"), rollout("fair")]  # mean 2, standard deviation 1
    found = judge(replace(OFF, normalise=True)).calibrated(base).of([rollout("poor")])[0]
    assert (found.reward, found.score) == (-4.0, -2.0)


def test_each_part_is_normalised_before_it_is_weighed() -> None:
    penal = Function(name="length", weight=-2.0, function=length)
    both = Judge(sources=(*judge().sources, penal), knobs=replace(OFF, normalise=True))
    found = both.calibrated([rollout("good"), rollout("fair"), rollout("no"), rollout("more than")])
    # values 3, 1, 0, 0: mean 1, variance 1.5; lengths 4, 4, 2, 9: mean 4.75, variance 6.6875
    assert found.of([rollout("good")])[0].reward == pytest.approx(2 / 1.5**0.5 - 2 * -0.75 / 6.6875**0.5)


def test_without_a_scale_only_the_mean_is_taken_off_and_a_note_says_so() -> None:
    found = judge(replace(OFF, normalise=True)).calibrated([rollout("good"), rollout("good")])
    assert found.of([rollout("poor")])[0].reward == -5.0
    assert found.notes() == ["normalise: m says the same of all 2 answers of the base: only its mean was taken off"]


def test_nothing_is_normalised_before_the_base_was_scored() -> None:
    with pytest.raises(RunFailed, match="have not been scored"):
        judge(replace(OFF, normalise=True)).of([rollout("good")])
    with pytest.raises(RunFailed, match="gave no answer"):
        judge().calibrated([])


def test_rewards_are_clipped_after_they_were_normalised() -> None:
    clipped = judge(replace(OFF, normalise=True, score_clip=1.5)).calibrated([rollout("good"), rollout("fair")])
    found = clipped.of([rollout("poor"), rollout("good"), rollout("?")])
    assert [verdict.reward for verdict in found] == [-1.5, 1.0, -1.5]
    assert [verdict.score for verdict in found] == [-2.0, 3.0, 0.0]


@pytest.mark.parametrize(
    ("kind", "expected"), [("off", [3.0, 3.0]), ("penalty", [3.0, 2.25]), ("score", [3.0, -0.75])]
)
def test_an_answer_that_did_not_end_is_rewarded_as_the_knob_says(kind: str, expected: list[float]) -> None:
    knobs = RewardingKnobs(missing_eos=kind, missing_eos_value=0.75)
    found = judge(knobs).of([rollout("good"), rollout("good", ended=False)])
    assert [verdict.reward for verdict in found] == expected
    assert [verdict.score for verdict in found] == [3.0, 3.0]


def test_the_penalty_comes_on_top_of_the_clip() -> None:
    knobs = RewardingKnobs(score_clip=2.0, missing_eos_value=1.0)
    assert judge(knobs).of([rollout("poor", ended=False)])[0].reward == -3.0


def test_of_an_ensemble_the_conservative_score_counts_where_it_is_asked_for() -> None:
    assert judge(conservative=True).of([rollout("good")])[0].score == 2.5


def test_an_answer_that_is_too_long_is_read_as_far_as_it_goes_and_counts_as_unended() -> None:
    scorer = Scorer(reads=4)
    found = judge(RewardingKnobs(), scorer=scorer).of([rollout("fair"), rollout("good and more of it")])
    assert scorer.asked == ["fair", "good"]
    assert [(verdict.score, verdict.reward, verdict.cut) for verdict in found] == [
        (1.0, 1.0, False),
        (3.0, 2.0, True),
    ]


def test_no_answers_no_verdicts() -> None:
    assert judge().of([]) == []


def test_what_was_calibrated_outlives_a_checkpoint() -> None:
    knobs = replace(OFF, normalise=True)
    before = judge(knobs).calibrated([rollout("good"), rollout("fair")])
    after = judge(knobs).from_json(before.as_json())
    assert after.of([rollout("poor")]) == before.of([rollout("poor")])
    assert judge().from_json(judge().as_json()).scales == {}
    with pytest.raises(InvalidRun, match="knows the scales of other, and this run is rewarded by m"):
        judge().from_json({"scales": {"other": {"mean": 0.0, "std": 1.0, "n": 2}}})


def test_a_function_is_found_by_name_and_cannot_change_the_prompts() -> None:
    asked = [rollout("four"), rollout("seventy")]
    assert [verdict.score for verdict in opened(function("length", weight=0.5)).of(asked)] == [2.0, 3.5]
    opened(function("rude")).of(asked)
    assert asked[0].prompt.messages[0]["content"] == "Question 3?"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("short", "gave 1 values for 2 answers: it must give one for each"),
        ("boundless", "gave inf, which is no finite number"),
        ("silent", "gave None, which is no finite number"),
        ("broken", "failed with KeyError: 'price'"),
    ],
)
def test_a_function_that_fails_is_named(name: str, why: str) -> None:
    with pytest.raises(RunFailed, match=f"the reward function {HERE}:{name} {why}"):
        opened(function(name)).of([rollout("good"), rollout("fair")])


def test_functions_that_are_not_there_are_named() -> None:
    for source, why in (
        ("no_such_module:f", r"cannot be imported \(ModuleNotFoundError"),
        (f"{HERE}:nothing", "has no function 'nothing'"),
        (f"{HERE}:SCORES", "has no function 'SCORES'"),
        (":f", r"cannot be imported \(ValueError"),
    ):
        with pytest.raises(InvalidRun, match=f"the reward function {source}.*{why}"):
            opened(RewardReference(source=source, weight=1.0, hash=""))
    with pytest.raises(InvalidRun, match="name a reward model, or a function"):
        opened()


def test_two_of_one_name_are_told_apart() -> None:
    references = [
        RewardReference(source=source, weight=1.0, hash="x")
        for source in ("/runs/a/model", "/other/a/model", "/models/b")
    ]
    assert judges.names_of(references) == ["a", "a 2", "b"]


def test_of_a_held_out_reward_it_is_the_plain_score_whatever_the_knobs_say() -> None:
    knobs = RewardingKnobs(normalise=True, conservative=True, score_clip=1.0)
    found = opened(function("length", held_out=True), knobs=knobs).of([rollout("four", ended=False)])[0]
    assert (found.reward, found.score) == (4.0, 4.0)


@pytest.mark.training
def test_a_reward_model_says_the_same_here_as_everywhere(reward_model: RunDirectory) -> None:
    reference = RewardReference(source=str(reward_model.model), weight=2.0, hash="x")
    asked = [rollout("Thank you, 3 it is."), rollout("No. Go away 3!")]
    expected = rewards.opened(reward_model.model).score([(one.prompt.messages, one.text) for one in asked])
    found = opened(reference).of(asked)
    assert [verdict.parts["reward"] for verdict in found] == pytest.approx(expected, abs=1e-6)
    assert [verdict.score for verdict in found] == pytest.approx([2 * value for value in expected], abs=1e-6)
    assert found[0].score > found[1].score


@pytest.mark.training
def test_a_real_reward_model_reads_the_beginning_of_what_is_too_long(reward_model: RunDirectory) -> None:
    found = opened(RewardReference(source=str(reward_model.model), weight=1.0, hash="x"))
    (short, long) = found.of([rollout("Thank you."), rollout("Thank you. " + "y" * 900)])
    assert (short.cut, long.cut) == (False, True)
    assert math.isfinite(long.score)


@pytest.mark.training
def test_a_conservative_score_of_no_ensemble_is_refused(reward_model: RunDirectory) -> None:
    reference = RewardReference(source=str(reward_model.model), weight=1.0, hash="x")
    with pytest.raises(InvalidKnob, match="conservative=true: none of the reward models is an ensemble"):
        opened(reference, knobs=RewardingKnobs(conservative=True))


@pytest.mark.training
def test_a_policy_is_no_judge(policy: RunDirectory) -> None:
    with pytest.raises(InvalidBase, match="is no reward model"):
        opened(RewardReference(source=str(policy.model), weight=1.0, hash="x"))


@pytest.mark.training
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # peft's, as in builders.train
def test_an_ensemble_that_is_kept_on_disk_gives_its_spread_and_conservative_score(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    run = builders.make_run(
        tmp_path / "ensemble", "rm", reference=comparisons, base=str(policy.model), values={"ensemble": "2"}
    )
    builders.train(run)
    reference = RewardReference(source=str(run.model), weight=-3.0, hash="x")
    answer = rollout("Thank you, 3 it is.")
    (expected,) = rewards.opened(run.model).rewards([(answer.prompt.messages, answer.text)])
    (found,) = opened(reference, knobs=RewardingKnobs(conservative=True)).of([answer])
    assert expected.spread > 0
    assert found.spread == pytest.approx(3 * expected.spread, rel=1e-5)
    assert found.score == pytest.approx(-3 * expected.conservative, rel=1e-5)

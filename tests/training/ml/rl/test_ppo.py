"""Whole runs of PPO: what they leave behind, where they stop, and which policy they keep."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from tests.training.ml import builders
from tests.training.ml.rl import policies
from training.exceptions import InvalidBase
from training.ml import knobs
from training.ml.rl.controllers import Controller
from training.ml.rl.seats import ON_IT
from training.ml.run.rundir import Config, RewardReference, RunDirectory

pytestmark = pytest.mark.training
SHORT = {"max_steps": "4", "eval_steps": "2", "learning_rate": "0.005"}
LAYOUTS = pytest.mark.parametrize("layout", ["shared", "separate"])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policies.base(tmp_path_factory.mktemp("ppo") / "base")


def trained(path: Path, base: Path, **values: Any) -> tuple[RunDirectory, dict[str, Any]]:
    run = policies.make_run(path, base=base, **SHORT | values)
    return run, builders.train(run)


def steps(run: RunDirectory) -> list[dict[str, Any]]:
    return [line for line in run.read_metrics() if "held_out" not in line]


def measurements(run: RunDirectory) -> list[dict[str, Any]]:
    return [{"step": line["step"], **line["held_out"]} for line in run.read_metrics() if "held_out" in line]


def weights(path: Path) -> dict[str, Tensor]:
    return load_file(path / "model.safetensors")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@LAYOUTS
def test_at_a_learning_rate_of_zero_nothing_moves_and_the_report_says_so(
    tmp_path: Path, base: Path, layout: str
) -> None:
    run, report = trained(tmp_path / "run", base, learning_rate="0", layout=layout)
    assert same(weights(run.model), weights(base))
    assert [(line["kl"], line["kl3"], line["learning_rate"]) for line in steps(run)] == [(0.0, 0.0, 0.0)] * 4
    numbers = [{name: value for name, value in line.items() if name != "step"} for line in measurements(run)]
    assert numbers[0] == numbers[1] == numbers[2]
    assert (numbers[0]["kl"], numbers[0]["kl3"]) == (0.0, 0.0)
    assert report["headline"].startswith("No better than the base, which is kept. ")
    assert "0.00 nats from the base" in report["headline"]
    assert report["resolved"]["learning_rate"] == 0


@LAYOUTS
def test_a_run_leaves_a_better_policy_its_curve_and_its_answers(tmp_path: Path, base: Path, layout: str) -> None:
    run, report = trained(tmp_path / "run", base, layout=layout, rollout_size="64", max_steps="8")
    start, best = report["held_out"]["start"], report["held_out"]["best"]
    assert best["score"] > start["score"] + 0.3
    assert best["kl"] > 0.05
    assert [line["step"] for line in steps(run)] == list(range(1, 9))
    assert [line["step"] for line in measurements(run)] == [0, 2, 4, 6, 8]
    assert [point["step"] for point in report["curve"]] == [0, 2, 4, 6, 8]
    assert max(line["ratio_first"] for line in steps(run)) < 1e-5
    shown = [json.loads(line) for line in run.completions.read_text().splitlines()]
    assert [line["step"] for line in shown] == [step for step in (0, 2, 4, 6, 8) for _ in range(4)]
    assert run.adapter.is_dir() == (layout == "shared")
    assert not same(weights(run.model), weights(base))


# peft asks transformers by names that are going away; nothing of ours does.
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_an_adapter_over_the_base_is_the_model(tmp_path: Path, base: Path) -> None:
    """What peft alone makes of base and adapter."""
    run, _ = trained(tmp_path / "run", base, layout="shared")
    merged = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), run.adapter)
    alone = AutoModelForCausalLM.from_pretrained(run.model)
    ids = torch.tensor([[2, 3, 4]])
    with torch.no_grad():
        assert torch.allclose(merged(ids).logits, alone(ids).logits, atol=1e-5)


def test_a_guard_stops_the_run_and_the_best_policy_under_the_budget_is_kept(tmp_path: Path, base: Path) -> None:
    values = {"eval_steps": "1", "max_steps": "40", "max_kl": "0.6", "learning_rate": "0.0003"}
    sizes = {"prompts": 192, "eval_prompts": "64", "rollout_size": "64"}
    run, report = trained(tmp_path / "run", base, layout="separate", **values, **sizes)
    stopped = report["alarms"][-1]
    assert (stopped["name"], stopped["stops"]) == ("kl", True)
    last = measurements(run)[-1]
    assert last["step"] == stopped["step"] == report["train"]["steps"] < 40
    assert last["kl"] > 0.6
    within = [line for line in measurements(run) if line["kl"] <= 0.6]
    best = max(within, key=lambda line: (line["score"], -line["step"]))
    assert report["held_out"]["best"]["step"] == best["step"]
    kept = load_file(run.checkpoints / f"best-{best['step']}.safetensors")
    saved = weights(run.model)
    assert all(torch.equal(saved[name], weight) for name, weight in kept.items() if name in saved)
    assert report["headline"].startswith("Stopped by a guard. ")
    assert best["step"] > 0
    assert f"the policy of step {best['step']} is kept" in " ".join(report["warnings"])


def test_a_guard_that_only_warns_lets_the_run_go_on(tmp_path: Path, base: Path) -> None:
    run, report = trained(tmp_path / "run", base, layout="separate", max_kl="0.001", stop_on="length", max_steps="6")
    assert len(steps(run)) == 6
    assert {alarm["stops"] for alarm in report["alarms"] if alarm["name"] == "kl"} == {False}
    assert any("over max_kl=0.001" in warning for warning in report["warnings"])
    assert report["held_out"]["best"]["kl"] <= 0.001


def test_the_held_out_reward_says_which_policy_is_kept(tmp_path: Path, base: Path) -> None:
    """It is the opposite of what is trained on: the more is learnt, the worse."""
    run, report = trained(tmp_path / "run", base, layout="separate", held_out=["against"], rollout_size="64")
    curve = measurements(run)
    assert curve[-1]["score"] > curve[0]["score"]
    assert [line["gold"] for line in curve] == [-line["score"] for line in curve]
    assert report["held_out"]["best"]["step"] == 0
    assert same(weights(run.model), weights(base))
    assert report["headline"].startswith("No better than the base, which is kept. ")
    assert report["over_optimisation"] is not None


def test_beta_follows_the_kl_of_every_step(tmp_path: Path, base: Path) -> None:
    adaptive = {"kl_controller": "adaptive", "kl_target": "0.05", "kl_horizon": "100", "beta": "0.1"}
    run, _ = trained(tmp_path / "run", base, layout="separate", max_steps="8", **adaptive)
    controller = Controller(beta=0.1, target=0.05, horizon=100)
    for line in steps(run):
        assert line["beta"] == pytest.approx(controller.beta)
        controller = controller.after(line["kl"], answers=16)
    betas = [line["beta"] for line in steps(run)]
    assert betas[1] < betas[0]  # the first step's policy is the base
    assert betas[-1] > betas[1]


def test_normalised_rewards_have_mean_zero_over_the_bases_own_answers(tmp_path: Path, base: Path) -> None:
    run, _ = trained(tmp_path / "run", base, layout="separate", normalise="true", eval_prompts="8")
    start = measurements(run)[0]
    assert start["reward"] == pytest.approx(0.0, abs=1e-9)
    assert start["score"] > 0.1


def test_a_run_is_the_same_each_time_and_another_with_another_seed(tmp_path: Path, base: Path) -> None:
    runs = [
        trained(tmp_path / name, base, layout="separate", seed=seed)[0]
        for name, seed in (("one", 17), ("two", 17), ("three", 18))
    ]
    first, second, third = (weights(run.model) for run in runs)
    assert same(first, second)
    assert runs[0].report.read_bytes() == runs[1].report.read_bytes()
    assert not same(first, third)


def test_episodes_are_answers_and_one_to_each_prompt_without_any_word(tmp_path: Path, base: Path) -> None:
    """Sixteen prompts of 24 are learnt from; twenty answers take three steps of eight."""
    once = policies.make_run(tmp_path / "once", base=base, rollout_size="8")
    longer = policies.make_run(tmp_path / "longer", base=base, rollout_size="8", episodes="20")
    assert builders.train(once)["train"] | {"trained_parameters": 0} == {
        "answers": 16,
        "steps": 2,
        "trained_parameters": 0,
    }
    report = builders.train(longer)
    assert report["train"]["answers"] == 24
    assert "episodes=20: 24 answers are drawn, whole steps of rollout_size=8" in report["warnings"]


def test_a_base_that_starts_from_nothing_is_refused(tmp_path: Path, base: Path) -> None:
    run = policies.make_run(tmp_path / "run", base=base)
    run.write_config(replace(run.read_config(), base="tiny"))
    with pytest.raises(InvalidBase, match="train it first"):
        builders.train(run)


def test_a_policy_learns_from_a_reward_model_of_its_own_release(
    tmp_path: Path, policy: RunDirectory, reward_model: RunDirectory
) -> None:
    """The reward model is held against its report, and the value network starts from it."""
    run = RunDirectory(tmp_path / "run")
    values = {"max_steps": "2", "rollout_size": "16", "max_new_tokens": "12", "max_length": "128", "device": "cpu"}
    run.write_config(
        Config(
            name="run",
            kind="ppo",
            release=None,
            base=str(policy.model),
            seed=17,
            knobs=knobs.as_json(knobs.parse("ppo", values | {"threads": "1", "eval_prompts": "4"})),
            rewards=(RewardReference(source=str(reward_model.model), weight=1.0, hash=""),),
        )
    )
    lines = [
        {"id": str(n), "messages": [{"role": "user", "content": f"Question {n}?"}], "split": "test" if n < 4 else ""}
        for n in range(20)
    ]
    run.prompts.write_text("".join(json.dumps(line | {"split": line["split"] or "train"}) + "\n" for line in lines))
    report = builders.train(run)
    assert report["resolved"]["value_start"] == "the reward model"
    assert report["resolved"]["layout"] == "shared"
    assert report["resolved"]["reward_models"] == f"{reward_model.path.name}: {ON_IT}"
    assert not any("not held against" in warning for warning in report["warnings"])
    assert [line["kl"] == 0 for line in steps(run)] == [True, False]

"""Runs of RLOO: killed, stopped by a guard, served, shared by processes, refused."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.training.doubles.chat_server import serving
from tests.training.doubles.completion_server import CompletionServer
from tests.training.ml import builders
from tests.training.ml.rl.vowels import KILLED_AFTER, function, make, weights_of
from tests.training.ml.test_processes import launch
from training.exceptions import InvalidKnob, InvalidLauncher
from training.ml.run.rundir import RunDirectory

pytestmark = [
    pytest.mark.training,
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
]


@pytest.mark.parametrize(("method", "iterations", "lora"), [("rloo", "1", "true"), ("grpo", "2", "false")])
def test_a_killed_run_ends_with_the_report_and_weights_of_an_undisturbed_one(
    tmp_path: Path, policy: RunDirectory, method: str, iterations: str, lora: str
) -> None:
    values = {"method": method, "iterations": iterations, "lora": lora, "learning_rate": "1e-3", "max_steps": "8"}
    undisturbed, killed = (
        make(tmp_path / name / "run", policy.model, function("vowels_until_killed"), normalise="true", **values)
        for name in ("undisturbed", "killed")
    )
    builders.train(undisturbed)
    after = "9" if iterations == "1" else "7"  # steps and measurements
    ended = builders.execute(killed, env={**os.environ, KILLED_AFTER: after})
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    steps = [int(path.name.rpartition("-")[2]) for path in killed.checkpoints.glob("checkpoint-*")]
    assert steps
    assert max(steps) < 8
    assert builders.execute(killed).returncode == 0
    assert killed.report.read_bytes() == undisturbed.report.read_bytes()
    assert (killed.model / "model.safetensors").read_bytes() == (undisturbed.model / "model.safetensors").read_bytes()
    assert without_speed(killed) == without_speed(undisturbed)
    assert killed.completions.read_bytes() == undisturbed.completions.read_bytes()


def without_speed(run: RunDirectory) -> list[dict[str, Any]]:
    timed = ("tokens_per_second", "step_time")
    return [{name: value for name, value in line.items() if name not in timed} for line in run.read_metrics()]


def test_a_guard_stops_the_run_and_the_best_policy_within_the_budget_is_kept(
    tmp_path: Path, policy: RunDirectory
) -> None:
    run = make(
        tmp_path / "run", policy.model, learning_rate="1e-2", max_kl="0.05", max_steps="20", eval_steps="2", beta="0"
    )
    report = builders.train(run)
    assert report["headline"].startswith("Stopped by a guard")
    last = report["held_out"]["end"]
    assert last["kl"] > 0.05
    assert last["step"] < 20
    assert report["train"]["steps"] == last["step"]
    assert report["held_out"]["best"]["kl"] <= 0.05
    assert [path.name for path in run.checkpoints.glob("best-*")] != []


def test_answers_may_come_from_a_server_that_every_steps_adapter_is_pushed_to(
    tmp_path: Path, policy: RunDirectory
) -> None:
    with serving(CompletionServer(path=policy.model)) as server:
        run = make(tmp_path / "run", policy.model, server=server.url, learning_rate="3e-3", lora="true")
        report = builders.train(run)
    assert len(server.loaded) == 5, "the base's, and that of each of four steps"
    assert list(server.adapters) == server.loaded[-1:]
    drawn_at = [body["model"] for body in server.requests if body["temperature"] > 0]
    assert len(drawn_at) == 4 * 8 + 3 * 6
    assert report["held_out"]["end"]["kl"] > 0
    assert report["train"]["steps"] == 4


@pytest.mark.parametrize("method", ["rloo", "grpo"])
def test_two_processes_see_the_numbers_and_end_with_the_weights_of_one(
    tmp_path: Path, policy: RunDirectory, method: str
) -> None:
    """Each of them draws half of a prompt's answers."""
    one, two = (
        make(tmp_path / name, policy.model, learning_rate="1e-3", num_generations="8", method=method)
        for name in ("one", "two")
    )
    builders.train(one)
    launch(two, config="ddp")
    assert builders.report_of(two)["train"]["answers"] == 4 * 8
    for alone, together in zip(one.read_metrics(), two.read_metrics(), strict=True):
        assert alone.get("held_out") == pytest.approx(together.get("held_out"), abs=1e-4)
        seen = ("loss", "reward", "length", "score")
        assert [alone.get(name) for name in seen] == [pytest.approx(together.get(name), abs=1e-4) for name in seen]
    mine, theirs = weights_of(one.model), weights_of(two.model)
    assert all(torch.allclose(mine[name], theirs[name], atol=1e-4) for name in mine)
    assert builders.report_of(two)["held_out"]["end"]["kl"] > 0  # though the base may be what is kept


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"server": "http://localhost:1", "lora": "false"}, "only adapters can be pushed"),
        ({"track": "trackio"}, "pip install trackio"),
    ],
    ids=str,
)
def test_what_it_cannot_do_is_refused_before_anything_is_learned(
    tmp_path: Path, policy: RunDirectory, values: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidKnob, match=reason):
        builders.train(make(tmp_path / "run", policy.model, **values))


def test_models_cut_over_devices_are_refused(
    tmp_path: Path, policy: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InvalidLauncher, match="ddp"):
        builders.train(make(tmp_path / "run", policy.model))


def test_the_policy_of_the_best_step_is_the_one_that_is_saved(tmp_path: Path, policy: RunDirectory) -> None:
    run = make(tmp_path / "run", policy.model, lora="false", learning_rate="1e-3", max_steps="6")
    report = builders.train(run)
    step = report["held_out"]["best"]["step"]
    kept = load_file(run.checkpoints / f"best-{step}.safetensors")
    saved = weights_of(run.model)
    shared = kept.keys() & saved.keys()
    assert shared
    assert all(torch.equal(kept[name], saved[name]) for name in shared)

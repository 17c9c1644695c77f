"""A fine-tuning that measures on the way, mixes, packs and orders ends the same if killed, and on two processes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.ml import builders, conversations
from tests.training.ml.test_processes import launch
from tests.training.ml.test_resume import kill_while_saving
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training

VALUES = {
    "learning_rate": "0.02",
    "epochs": "20",
    "eval_steps": "2",
    "patience": "3",
    "lora": "false",
    "packing": "true",
    "curriculum": "difficulty",
    "mix": "general.json",
    "mix_ratio": "0.2",
}


def test_a_killed_run_that_stops_early_stops_as_an_undisturbed_one(
    tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory
) -> None:
    """Killed early, and once more while the last checkpoint before the stop is written."""
    file = conversations.general(tmp_path / "general.json")
    undisturbed, killed = (
        builders.make_run(
            tmp_path / name, "sft", reference=demonstrations, base=str(policy.model), values=VALUES, files=[file]
        )
        for name in ("undisturbed", "killed")
    )
    report = builders.train(undisturbed)
    assert report["resolved"]["stopped_early"]
    assert report["train"]["steps"] > 8
    for step in (4, report["train"]["steps"] - 2):
        kill_while_saving(killed, step=step)
    assert builders.execute(killed).returncode == 0
    assert killed.report.read_bytes() == undisturbed.report.read_bytes()
    assert losses(killed) == losses(undisturbed)
    name = "model.safetensors"
    assert (killed.model / name).read_bytes() == (undisturbed.model / name).read_bytes()


KILLED_BEFORE_ITS_MODEL = """
import os, signal
from training.ml.run import weights
from training.ml.__main__ import main
weights.save = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
main([{path!r}])
"""


def test_a_run_that_was_moved_after_its_last_checkpoint_still_ends_with_the_best(
    tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory
) -> None:
    values = {"learning_rate": "0.02", "epochs": "20", "eval_steps": "2", "patience": "3", "lora": "false"}
    undisturbed, killed = (
        builders.make_run(tmp_path / name, "sft", reference=demonstrations, base=str(policy.model), values=values)
        for name in ("undisturbed", "killed")
    )
    builders.train(undisturbed)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_ITS_MODEL.format(path=str(killed.path))],
        check=False,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL
    moved = RunDirectory(killed.path.rename(tmp_path / "elsewhere"))
    assert builders.execute(moved).returncode == 0
    assert moved.report.read_bytes() == undisturbed.report.read_bytes()
    name = "model.safetensors"
    assert (moved.model / name).read_bytes() == (undisturbed.model / name).read_bytes()


def losses(run: RunDirectory) -> list[tuple[int, float | None, float | None]]:
    return [(line["step"], line.get("loss"), line.get("held_out_loss")) for line in run.read_metrics()]


def test_two_processes_pack_and_measure_as_one(
    tmp_path: Path, demonstrations: ReleaseReference, policy: RunDirectory
) -> None:
    """60 examples in batches of 6: every step has a whole batch for both."""
    shared = {"packing": "true", "lora": "false", "batch_size": "6", "eval_steps": "2", "epochs": "2"}
    one, two = (
        builders.make_run(
            tmp_path / name, "sft", reference=demonstrations, base=str(policy.model), values=shared | values
        )
        for name, values in (("one", {"accumulate": "2"}), ("two", {"accumulate": "1"}))
    )
    builders.train(one)
    launch(two, config="ddp")
    assert len(losses(one)) == len(losses(two)) == 11
    for alone, together in zip(losses(one), losses(two), strict=True):
        assert together == pytest.approx(alone, abs=1e-4)

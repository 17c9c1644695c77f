"""A PPO run that was killed or stopped ends as if it had not been, to the bit."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.ml import builders
from tests.training.ml.rl import policies
from tests.training.ml.test_resume import kill_while_saving
from training.ml.run import checkpoints
from training.ml.run.rundir import RunDirectory

pytestmark = pytest.mark.training
VALUES = {
    "max_steps": "6",
    "save_steps": "1",
    "eval_steps": "2",
    "learning_rate": "0.003",
    "minibatches": "2",
    "kl_controller": "adaptive",
    "kl_target": "0.2",
    "kl_horizon": "100",
    "normalise": "true",
    "warmup_share": "0.3",
}
TIMES = "seconds_"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policies.base(tmp_path_factory.mktemp("resumed") / "base")


def pair(tmp_path: Path, base: Path, **values: str) -> tuple[RunDirectory, RunDirectory]:
    """The first has run to its end in this process."""
    undisturbed, other = (
        policies.make_run(tmp_path / name, base=base, held_out=["against"], **VALUES | values)
        for name in ("undisturbed", "other")
    )
    builders.train(undisturbed)
    return undisturbed, other


def same(one: RunDirectory, other: RunDirectory) -> None:
    """Weights and report to the bit, curves and shown answers in every number but times."""
    for part in ("report.json", "completions.jsonl", "model/model.safetensors"):
        assert (one.path / part).read_bytes() == (other.path / part).read_bytes(), part
    assert numbers(one) == numbers(other)


def numbers(run: RunDirectory) -> list[dict[str, object]]:
    return [
        {name: value for name, value in line.items() if not name.startswith(TIMES)} for line in run.read_metrics()
    ]


@pytest.mark.parametrize("layout", ["shared", "separate"])
def test_a_killed_run_ends_with_the_weights_and_report_of_an_undisturbed_one(
    tmp_path: Path, base: Path, layout: str
) -> None:
    """By SIGKILL, with the checkpoint of its fourth step half written."""
    undisturbed, killed = pair(tmp_path, base, layout=layout)
    kill_while_saving(killed, step=4)
    assert not killed.is_done()
    assert (killed.checkpoints / "checkpoint-4").is_dir()
    assert {line["step"] for line in killed.read_metrics()} == {0, 1, 2, 3, 4}
    if layout == "shared":
        assert builders.execute(killed).returncode == 0
    else:
        builders.train(killed)
    same(undisturbed, killed)


def test_a_run_without_a_checkpoint_begins_anew(tmp_path: Path, base: Path) -> None:
    """Its curves and answers, too."""
    undisturbed, other = pair(tmp_path, base, layout="separate", max_steps="3")
    builders.train(other)
    other.report.unlink()
    shutil.rmtree(other.checkpoints)
    builders.train(other)
    same(undisturbed, other)


def test_of_checkpoints_the_last_whole_one_counts(tmp_path: Path, base: Path) -> None:
    """All that came after it is lost; the run is as good as new once it was finished again."""
    undisturbed, other = pair(tmp_path, base, layout="separate")
    builders.train(other)
    other.report.unlink()
    (other.checkpoints / "checkpoint-6" / checkpoints.MARK).unlink()
    (other.checkpoints / "checkpoint-6" / "optimiser.pt").write_bytes(b"half")
    builders.train(other)
    same(undisturbed, other)


def test_ctrl_c_leaves_a_directory_that_goes_on(tmp_path: Path, base: Path) -> None:
    undisturbed, stopped = pair(tmp_path, base, layout="separate", max_steps="30", eval_steps="30", save_steps="5")
    command = [sys.executable, "-m", "training.ml", str(stopped.path)]
    with subprocess.Popen(command, cwd=builders.ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:  # the bar says that some steps are made
            if int((re.search(r"\| (\d+)/30", line) or ["", "0"])[1]) >= 6:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "goes on from the last checkpoint" in rest
    assert not stopped.is_done()
    assert not stopped.is_locked()
    builders.train(stopped)
    same(undisturbed, stopped)


def test_a_run_that_a_guard_stopped_does_not_go_on_when_it_is_started_again(tmp_path: Path, base: Path) -> None:
    """Killed between its last checkpoint and its report."""
    run = policies.make_run(
        tmp_path / "run",
        base=base,
        layout="separate",
        max_kl="0.01",
        eval_steps="1",
        max_steps="30",
        learning_rate="0.01",
    )
    report = builders.train(run)
    assert report["train"]["steps"] < 30
    run.report.unlink()
    assert builders.train(run) == report

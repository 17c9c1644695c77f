"""A disk that fills up on the way: a limit on the size of files, which anyone may set, and for root a real one."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.training.ml import builders
from training.ml.run import disks
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training
FULL = "Error: The disk is full: "
Make = Callable[..., RunDirectory]


@pytest.fixture
def make(tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory) -> Make:
    def made(path: Path = tmp_path, **values: str) -> RunDirectory:
        values = {"lora": "false", "save_steps": "4", "logging_steps": "1"} | values
        return builders.make_run(path / "run", "rm", reference=comparisons, base=str(policy.model), values=values)

    return made


def execute(run: RunDirectory, *, largest: int) -> str:
    """What it says when no file may grow over so many bytes. (Python has SIGXFSZ ignored.)"""
    ended = builders.execute(run, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)))
    assert ended.returncode == 1, ended.stderr
    return sentence_of(ended.stderr)


def sentence_of(said: str) -> str:
    """The progress bar may come after it."""
    (found,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    return found


@pytest.mark.parametrize(
    ("stage", "values", "share"),
    [
        ("metrics", {"save_steps": "100"}, None),
        ("checkpoint", {}, 1.5),  # its weights fit, its optimiser does not
        ("model", {"lora": "true", "lora_rank": "1"}, 0.5),  # checkpoints hold adapters only
    ],
)
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    make: Make, policy: RunDirectory, stage: str, values: dict[str, str], share: float | None
) -> None:
    run = make(**values)
    weights = (policy.model / "model.safetensors").stat().st_size
    said = execute(run, largest=1500 if share is None else int(share * weights))
    assert said.startswith(f"{FULL}{run.path} could not be written to (")
    assert run.read_error() == said.removeprefix("Error: ")
    assert not run.model.exists()
    assert not list(run.path.glob(".*"))
    reached = {"metrics": 0, "checkpoint": 4, "model": 8}[stage]
    assert max((line["step"] for line in run.read_metrics()), default=0) >= reached
    report = builders.train(run)
    assert report["train"]["steps"] == 8
    assert [line["step"] for line in run.read_metrics()] == [*range(1, 9)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this container mounts no disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_without_a_byte_left_is_tidied_for_the_sentence(make: Make, small_disk: Path) -> None:
    run = make(small_disk)
    ended = builders.execute(run)
    assert ended.returncode == 1, ended.stderr
    assert sentence_of(ended.stderr).startswith(f"{FULL}{run.path}")
    assert "Free some space and give the same command again" in (run.read_error() or "")
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert builders.train(run)["train"]["steps"] == 8


def test_the_sentence_tells_what_checkpoints_of_finished_runs_hold(tmp_path: Path) -> None:
    for name, report in (("done", True), ("unfinished", False)):
        (tmp_path / name / "checkpoints").mkdir(parents=True)
        (tmp_path / name / "checkpoints" / "weights").write_bytes(b"0" * 2_500_000)
        if report:
            (tmp_path / name / "report.json").write_text("{}")
    assert "finished runs beside it hold 2.5 MB" in disks.sentence(RunDirectory(tmp_path / "unfinished"))


def test_other_errors_are_not_taken_for_a_full_disk() -> None:
    assert not disks.is_full(PermissionError(13, "Permission denied"))
    assert not disks.is_full(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_what_an_ensembles_member_left_half_written_makes_room(tmp_path: Path) -> None:
    member = tmp_path / "members" / "1"
    half, left = member / "checkpoints" / "checkpoint-4", member / ".adapter.17"
    for path in (half, left):
        path.mkdir(parents=True)
    disks.make_room(RunDirectory(tmp_path))
    assert not half.exists()
    assert not left.exists()

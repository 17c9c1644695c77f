"""A run that was killed ends as if it had not been."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.ml import builders
from training.exceptions import RunFailed
from training.ml.run import checkpoints, loop
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training

# Ends itself with SIGKILL, as a power cut would, when the checkpoint of the given step is half written.
KILLED_WHILE_SAVING = """
import os, signal, sys
from training.ml.run import checkpoints
from training.ml.__main__ import main
seal = checkpoints.seal
def dying(directory, step):
    if step >= {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    seal(directory, step)
checkpoints.seal = dying
main([{path!r}])
"""


def kill_while_saving(run: RunDirectory, *, step: int) -> None:
    program = KILLED_WHILE_SAVING.format(step=step, path=str(run.path))
    ended = subprocess.run([sys.executable, "-c", program], cwd=builders.ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize(
    ("kind", "lora"), [("rm", "true"), ("rm", "false"), ("sft", "false"), ("dpo", "true")], ids=str
)
def test_a_killed_run_ends_with_the_report_and_weights_of_an_undisturbed_one(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory, kind: str, lora: str
) -> None:
    values = {"lora": lora, "epochs": "2", "save_steps": "4"}
    undisturbed, killed = (
        builders.make_run(tmp_path / name, kind, reference=comparisons, base=str(policy.model), values=values)
        for name in ("undisturbed", "killed")
    )
    assert builders.execute(undisturbed).returncode == 0
    kill_while_saving(killed, step=12)
    assert not killed.is_done()
    assert builders.execute(killed).returncode == 0
    assert killed.report.read_bytes() == undisturbed.report.read_bytes()
    name = "model.safetensors"
    assert (killed.model / name).read_bytes() == (undisturbed.model / name).read_bytes()
    assert [record["step"] for record in killed.read_metrics()] == [1, *range(2, 17, 2)]


def test_a_half_written_checkpoint_is_never_resumed_from(tmp_path: Path) -> None:
    for step in (4, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
    checkpoints.seal(tmp_path, 4)
    assert checkpoints.last_complete(tmp_path) == (4, tmp_path / "checkpoint-4")
    assert not (tmp_path / "checkpoint-12").exists()


def test_a_run_goes_on_with_as_many_processes_as_it_was_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "checkpoint-4"
    checkpoint.mkdir()
    monkeypatch.setenv("WORLD_SIZE", "2")
    checkpoints.seal(tmp_path, 4)
    loop.check_processes(checkpoint)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(RunFailed, match="begun with 2 processes and has 1 now"):
        loop.check_processes(checkpoint)


def test_a_run_that_is_done_is_not_done_again(policy: RunDirectory) -> None:
    before = policy.report.stat().st_mtime_ns
    ended = builders.execute(policy)
    assert ended.returncode == 0
    assert "Done before" in ended.stderr
    assert policy.report.stat().st_mtime_ns == before


def test_sigterm_leaves_a_directory_that_goes_on(small_run: RunDirectory) -> None:
    command = [sys.executable, "-m", "training.ml", str(small_run.path)]
    with subprocess.Popen(command, cwd=builders.ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:  # the bar's first state says that training began
            if "Reward model" in line:
                os.kill(process.pid, signal.SIGTERM)
                break
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "goes on from the last checkpoint" in rest
    assert not small_run.is_locked()


def test_sampling_goes_on_after_the_last_whole_line(tmp_path: Path, policy: RunDirectory) -> None:
    prompts = ["Question 1?", "Question 22?", "Something longer than the others?"]
    values = {"n": "3", "max_new_tokens": "12"}
    whole, cut = (
        builders.make_run(tmp_path / name, "sample", reference=None, base=str(policy.model), values=values)
        for name in ("whole", "cut")
    )
    for run in (whole, cut):
        builders.write_prompts(run, prompts)
    builders.train(whole)
    lines = whole.responses.read_text().splitlines(keepends=True)
    cut.responses.write_text("".join(lines[4:6]) + lines[7][:10])
    builders.train(cut)
    assert cut.responses.read_text() == whole.responses.read_text()
    assert [(json.loads(line)["id"], json.loads(line)["index"]) for line in lines] == [
        (f"p{prompt}", index) for prompt in range(3) for index in range(3)
    ]


def test_an_answer_does_not_hang_on_the_batch_it_was_drawn_in(tmp_path: Path, policy: RunDirectory) -> None:
    texts = []
    for size in ("1", "64"):
        run = builders.make_run(
            tmp_path / size,
            "sample",
            reference=None,
            base=str(policy.model),
            values={"n": "4", "max_new_tokens": "12", "batch_size": size},
        )
        builders.write_prompts(run, ["Question 1?", "Something longer than the others?"])
        builders.train(run)
        texts.append([json.loads(line)["text"] for line in run.responses.read_text().splitlines()])
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 4

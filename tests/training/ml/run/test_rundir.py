"""Run directories: whole files, one process at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.ml.builders import ROOT
from training.exceptions import InvalidRun, RunBusy
from training.ml.run import rundir
from training.ml.run.rundir import Config, ReleaseReference, RewardReference, RunDirectory

CONFIG = Config(
    name="r1", kind="rm", release=ReleaseReference(path="/r", hash="h"), base="tiny", seed=1, knobs={"lora": None}
)


def test_a_config_is_read_as_it_was_written(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.write_config(CONFIG)
    assert directory.read_config() == CONFIG


def test_what_decides_the_result_leaves_out_names_and_places() -> None:
    moved = Config(**{**vars(CONFIG), "name": "r2", "release": ReleaseReference(path="/elsewhere", hash="h")})
    assert moved.identity() == CONFIG.identity()


JUDGE = RewardReference(source="/runs/rm/model", weight=1.0, hash="w")
BREVITY = RewardReference(source="shop.rewards:brevity", weight=0.1, hash="")


def rewarded(*rewards: RewardReference) -> Config:
    return Config(**{**vars(CONFIG), "kind": "ppo", "rewards": rewards})


def test_rewards_are_read_as_they_were_written(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.write_config(rewarded(JUDGE, BREVITY))
    assert directory.read_config() == rewarded(JUDGE, BREVITY)


def test_of_a_reward_model_its_weights_decide_and_not_where_they_lie() -> None:
    moved = RewardReference(source="/elsewhere", weight=1.0, hash="w")
    gold = RewardReference(source="/runs/rm/model", weight=1.0, hash="w", held_out=True)
    assert rewarded(moved).identity() == rewarded(JUDGE).identity()
    others = [rewarded(gold), rewarded(BREVITY), rewarded(JUDGE, BREVITY), rewarded(BREVITY, JUDGE), CONFIG]
    assert rewarded(JUDGE).identity() not in [other.identity() for other in others]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "is no run"),
        ("{", "is no run"),
        ('{"format_version": 99}', "format version 99"),
        ('{"format_version": 1, "name": "x"}', "is not as a run's config is"),
    ],
)
def test_a_directory_that_is_no_run_gets_its_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(InvalidRun, match=sentence):
        RunDirectory(tmp_path).read_config()


def test_only_one_process_holds_a_run(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    program = (
        "import sys; from pathlib import Path; from training.ml.run.rundir import RunDirectory;"
        "print(RunDirectory(Path(sys.argv[1])).is_locked())"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with directory.locked():
        with pytest.raises(RunBusy, match="another process works in"), directory.locked():
            pass
        held = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert held.stdout.strip() == "True"
    assert not directory.is_locked()


def test_a_cut_line_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n{"a": "line\u2028separator"}\n{"a": 3')
    assert list(rundir.read_lines(path)) == [{"a": 1}, {"a": "line\u2028separator"}]


def test_metrics_after_the_checkpoint_are_forgotten(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    for step in (5, 10, 15):
        directory.append_metrics({"step": step, "loss": 1.0})
    directory.forget_metrics_after(10)
    assert [record["step"] for record in directory.read_metrics()] == [5, 10]


def test_what_a_kill_caught_half_written_is_cleared(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    (tmp_path / ".model.123").mkdir()
    (tmp_path / ".report.json.123").write_text("{")
    directory.write_error("an old sentence")
    directory.clear_unfinished()
    assert list(tmp_path.iterdir()) == []

"""Two processes over gloo learn what one does, whoever draws which answer."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.ml import builders
from tests.training.ml.rl import policies
from tests.training.ml.test_processes import launch
from training.exceptions import InvalidKnob, RunFailed
from training.ml.run.rundir import RunDirectory

pytestmark = pytest.mark.training
VALUES = {"max_steps": "3", "eval_steps": "3", "save_steps": "1", "learning_rate": "0.003", "rollout_size": "6"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policies.base(tmp_path_factory.mktemp("processes") / "base")


@pytest.mark.parametrize(("minibatches", "layout"), [("1", "separate"), ("2", "shared")])
def test_two_processes_see_the_numbers_and_end_with_the_weights_of_one(
    tmp_path: Path, base: Path, minibatches: str, layout: str
) -> None:
    """With minibatches of three answers of six, the two hardly ever hold as many of each."""
    one, two = (
        policies.make_run(tmp_path / name, base=base, layout=layout, minibatches=minibatches, **VALUES)
        for name in ("one", "two")
    )
    builders.train(one)
    launch(two, config="ddp")
    same_numbers(one, two)
    alone, together = (load_file(run.model / "model.safetensors") for run in (one, two))
    assert alone.keys() == together.keys()
    assert all(torch.allclose(alone[name], together[name], atol=1e-4) for name in alone)
    if layout == "separate":
        other_numbers_of_processes_are_refused(two)


def same_numbers(one: RunDirectory, two: RunDirectory) -> None:
    for alone, together in zip(one.read_metrics(), two.read_metrics(), strict=True):
        assert alone.get("held_out") == pytest.approx(together.get("held_out"), abs=1e-4)
        assert numbers(alone) == pytest.approx(numbers(together), abs=1e-4)


def numbers(line: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in line.items() if name != "held_out" and not name.startswith("seconds")}


def other_numbers_of_processes_are_refused(run: RunDirectory) -> None:
    run.report.unlink()
    with pytest.raises(RunFailed, match="begun with 2 processes and has 1 now"):
        builders.train(run)


def test_answers_that_cannot_be_shared_out_evenly_are_refused(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = policies.make_run(tmp_path / "run", base=base, **VALUES | {"rollout_size": "5"})
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidKnob, match="rollout_size=5: expected a multiple of the 2 processes"):
        builders.train(run)

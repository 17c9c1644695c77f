"""Two processes over gloo learn what one does, whoever draws which answer."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.ml import builders
from tests.training.ml.rl import policies
from tests.training.ml.test_processes import launch
from training.exceptions import InvalidKnob, RunFailed
from training.ml.rl.seats import ON_IT
from training.ml.run import checkpoints
from training.ml.run.rundir import RunDirectory

pytestmark = pytest.mark.training
VALUES = {"max_steps": "3", "eval_steps": "3", "save_steps": "1", "learning_rate": "0.003", "rollout_size": "6"}
VALUES |= {"batch_size": "1"}  # so that the two pass through the model as often as they have answers


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
    same_weights(one, two)
    if layout == "separate":
        other_numbers_of_processes_are_refused(two)


def test_a_backbone_that_is_cut_gives_what_a_whole_one_gives_and_goes_on_from_its_checkpoint(
    tmp_path: Path, policy: RunDirectory, reward_model: RunDirectory
) -> None:
    """Its reward model and the value network from that are adapters too; processes have unlike numbers of passes."""
    values = VALUES | {"minibatches": "2", "temperature": "1", "max_new_tokens": "8", "max_length": "64"}
    one, two = (
        policies.make_run(tmp_path / name, base=policy.model, rewards=(str(reward_model.model),), **values)
        for name in ("one", "two")
    )
    whole = builders.train(one)["resolved"]
    launch(two, config="fsdp2")
    cut = builders.report_of(two)["resolved"]
    assert cut["reward_models"] == whole["reward_models"] == f"{reward_model.path.name}: {ON_IT}"
    weights = load_file(policy.model / "model.safetensors")
    layers = sum(part.numel() for name, part in weights.items() if ".layers." in name)
    assert whole["parameters_here"] - cut["parameters_here"] == pytest.approx(layers / 2, rel=0.01)  # odd rows
    same_numbers(one, two)
    same_weights(one, two)
    adapters = [load_file(run.adapter / "adapter_model.safetensors").keys() for run in (one, two)]
    assert adapters[0] == adapters[1]
    forget_after(two, step=2)
    launch(two, config="fsdp2")
    same_numbers(one, two)
    same_weights(one, two)


def forget_after(run: RunDirectory, *, step: int) -> None:
    """What a kill behind this step's checkpoint would have left."""
    run.report.unlink()
    for path in (run.model, run.adapter, run.checkpoints / f"checkpoint-{step + 1}"):
        shutil.rmtree(path)
    found = checkpoints.last_complete(run.checkpoints)
    assert found is not None
    assert found[0] == step


def same_weights(one: RunDirectory, two: RunDirectory) -> None:
    alone, together = (load_file(run.model / "model.safetensors") for run in (one, two))
    assert alone.keys() == together.keys()
    assert all(torch.allclose(alone[name], together[name], atol=1e-4) for name in alone)


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


def test_models_that_are_trained_whole_are_not_cut(tmp_path: Path, base: Path) -> None:
    run = policies.make_run(tmp_path / "run", base=base, layout="separate", **VALUES)
    with pytest.raises(AssertionError, match="layout=separate trains whole models"):
        launch(run, config="fsdp2")


def test_answers_that_cannot_be_shared_out_evenly_are_refused(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = policies.make_run(tmp_path / "run", base=base, **VALUES | {"rollout_size": "5"})
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidKnob, match="rollout_size=5: expected a multiple of the 2 processes"):
        builders.train(run)

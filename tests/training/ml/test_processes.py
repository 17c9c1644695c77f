"""Several processes train as one does: over gloo, started as `--launcher accelerate` starts them."""

import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from tests.training.ml import builders
from training.actions import launchers
from training.exceptions import InvalidLauncher
from training.ml.run import checkpoints
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training
READERS = {"rm": AutoModelForSequenceClassification, "dpo": AutoModelForCausalLM}


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, comparisons: ReleaseReference, policy: RunDirectory
) -> dict[str, RunDirectory]:
    """One process with twice the batches to a step; the last of 15 batches leaves a second one without any."""
    found = {}
    for kind in READERS:
        directory = tmp_path_factory.mktemp("alone") / kind
        found[kind] = builders.make_run(directory, kind, reference=comparisons, **like(policy, kind, accumulate=2))
        builders.train(found[kind])
    return found


def like(policy: RunDirectory, kind: str, *, accumulate: int) -> dict[str, object]:
    lora = "true" if kind == "dpo" else "false"
    values = {"lora": lora, "batch_size": "4", "logging_steps": "1", "save_steps": "3", "accumulate": str(accumulate)}
    return {"base": str(policy.model), "values": values}


@pytest.mark.parametrize(
    ("config", "kind"), [("ddp", "rm"), ("ddp", "dpo"), ("fsdp2", "rm"), ("fsdp2", "dpo")], ids=str
)
def test_two_processes_give_the_losses_and_weights_of_one(  # noqa: PLR0917 - fixtures
    tmp_path: Path,
    comparisons: ReleaseReference,
    policy: RunDirectory,
    alone: dict[str, RunDirectory],
    config: str,
    kind: str,
) -> None:
    two = builders.make_run(tmp_path / "two", kind, reference=comparisons, **like(policy, kind, accumulate=1))
    launch(two, config=config)
    same_losses_and_weights(alone[kind], two, kind=kind)
    parts = list(two.checkpoints.glob("checkpoint-*/pytorch_model_fsdp_0/__*_0.distcp"))
    assert len(parts) == (4 if config == "fsdp2" else 0)  # two checkpoints, each in two shards
    if (config, kind) == ("fsdp2", "rm"):
        goes_on_from_its_shards(two, alone[kind])


def goes_on_from_its_shards(two: RunDirectory, one: RunDirectory) -> None:
    """The last checkpoint and all that came after it are lost."""
    (two.checkpoints / "checkpoint-8" / checkpoints.MARK).unlink()
    two.report.unlink()
    launch(two, config="fsdp2")
    assert "| 6/8" in two.log.with_name("said.txt").read_text()
    same_losses_and_weights(one, two, kind="rm")


def test_what_accelerate_would_silently_not_cut_is_refused(
    small_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process is not cut; what the launcher's file asked for stands in its environment."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(InvalidLauncher, match="cuts the model over GPUs"):
        builders.train(small_run)


def same_losses_and_weights(one: RunDirectory, two: RunDirectory, *, kind: str) -> None:
    losses = [[line["loss"] for line in run.read_metrics()] for run in (one, two)]
    assert len(losses[0]) == 8
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    mine, together = (load_file(run.model / "model.safetensors") for run in (one, two))
    assert mine.keys() == together.keys()
    assert all(torch.allclose(mine[name], together[name], atol=1e-4) for name in mine)
    assert READERS[kind].from_pretrained(two.model).num_parameters() > 0


def launch(run: RunDirectory, *, config: str) -> None:
    """As the command does, with what is said kept beside the run."""
    command = launchers.find("accelerate", accelerate_config=config).command(run.path)
    ended = subprocess.run(command, cwd=builders.ROOT, capture_output=True, text=True, check=False)
    run.log.with_name("said.txt").write_text(ended.stderr)
    assert ended.returncode == 0, ended.stderr

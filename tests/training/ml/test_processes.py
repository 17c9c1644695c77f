"""Several processes train as one does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.ml import builders
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training


def test_two_processes_give_the_losses_and_weights_of_one(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    """Over gloo, through DDP; the last of 15 batches leaves the second process without one."""
    shared = {"lora": "false", "batch_size": "4", "logging_steps": "1"}
    one, two = (
        builders.make_run(
            tmp_path / name, "rm", reference=comparisons, base=str(policy.model), values=shared | values
        )
        for name, values in (("one", {"accumulate": "2"}), ("two", {"accumulate": "1"}))
    )
    builders.train(one)
    launch(two, processes=2)
    losses = [[line["loss"] for line in run.read_metrics()] for run in (one, two)]
    assert len(losses[0]) == 8
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    alone, together = (load_file(run.model / "model.safetensors") for run in (one, two))
    assert all(torch.allclose(alone[name], together[name], atol=1e-4) for name in alone)


def launch(run: RunDirectory, *, processes: int) -> None:
    """As `accelerate launch` does on one machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    world = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "training.ml", str(run.path)],
            cwd=builders.ROOT,
            env=os.environ | world | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * processes, "\n".join(said)

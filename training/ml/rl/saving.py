"""A PPO run on disk, to go on from after a kill: trained weights, optimiser, schedule, and how far it has come.

checkpoints/checkpoint-<step>/trained.safetensors, optimiser.pt, progress.json, sealed when whole (`run.checkpoints`);
checkpoints/best-<step>.safetensors: the policy of the best measurement. Random numbers need no place: every answer's
are named by the run's seed, its prompt and the step. All processes hold the same weights, so the main one writes.
"""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from training.ml.rl.actors import Actors
from training.ml.rl.updates import Optimisation
from training.ml.run import checkpoints
from training.ml.run.rundir import RunDirectory, read_json, write_json

KEPT = 2  # checkpoints
WEIGHTS, OPTIMISER, PROGRESS = "trained.safetensors", "optimiser.pt", "progress.json"

Named = tuple[str, nn.Parameter]


@dataclass
class Progress:
    """How far a run has come. `course`: what it needs to go on; `best`: the step of the best measurement."""

    step: int = 0
    beta: float = 0.0
    course: dict[str, Any] = field(default_factory=dict)
    best: int = 0


def save(directory: RunDirectory, progress: Progress, *, actors: Actors, how: Optimisation) -> None:
    path = directory.checkpoints / f"checkpoint-{progress.step}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    save_file(weights([pair for pairs in actors.trained().values() for pair in pairs]), path / WEIGHTS)
    torch.save({"optimiser": how.optimiser.state_dict(), "schedule": how.schedule.state_dict()}, path / OPTIMISER)
    write_json(path / PROGRESS, vars(progress))
    checkpoints.seal(directory.checkpoints, progress.step)
    forget(directory, best=progress.best)


def forget(directory: RunDirectory, *, best: int) -> None:
    """What no kept checkpoint speaks of."""
    found = sorted(directory.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in found[:-KEPT]:
        shutil.rmtree(path)
    kept = [read_json(path / PROGRESS) or {} for path in found[-KEPT:]]
    forget_best(directory, but={best, *(one["best"] for one in kept if "best" in one)})


def forget_best(directory: RunDirectory, *, but: Collection[int]) -> None:
    """Policies that were the best once."""
    for path in set(directory.checkpoints.glob("best-*")) - {best_path(directory, step) for step in but}:
        path.unlink()


def load(path: Path, *, actors: Actors, how: Optimisation) -> Progress:
    """Put back what `save` wrote."""
    put_back([pair for pairs in actors.trained().values() for pair in pairs], load_file(path / WEIGHTS))
    kept = torch.load(path / OPTIMISER, map_location="cpu", weights_only=True)
    how.optimiser.load_state_dict(kept["optimiser"])
    how.schedule.load_state_dict(kept["schedule"])
    return Progress(**(read_json(path / PROGRESS) or {}))


def save_best(directory: RunDirectory, step: int, policy: Sequence[Named]) -> None:
    directory.checkpoints.mkdir(parents=True, exist_ok=True)
    beside = best_path(directory, step).with_suffix(".part")
    save_file(weights(policy), beside)
    beside.rename(best_path(directory, step))


def load_best(directory: RunDirectory, step: int, policy: Sequence[Named]) -> None:
    put_back(policy, load_file(best_path(directory, step)))


def best_path(directory: RunDirectory, step: int) -> Path:
    return directory.checkpoints / f"best-{step}.safetensors"


def weights(named: Sequence[Named]) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().cpu().contiguous().clone() for name, parameter in named}


def put_back(named: Sequence[Named], kept: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in named:
            parameter.copy_(kept[name])

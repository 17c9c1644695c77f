"""One training run, opened: its directory, configuration, machine, data and base, each checked before any work."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from training.exceptions import InvalidRelease
from training.ml.backbones import bases, lora
from training.ml.backbones.bases import Base
from training.ml.data import files, releases
from training.ml.data.conversations import Encoder
from training.ml.data.files import File
from training.ml.data.releases import Release
from training.ml.knobs import FoundingKnobs, TrainingKnobs
from training.ml.run import machine
from training.ml.run.machine import Machine
from training.ml.run.rundir import Config, RunDirectory

K = TypeVar("K", bound=TrainingKnobs)
F = TypeVar("F", bound=FoundingKnobs)


@dataclass(frozen=True, kw_only=True)
class Job(Generic[K]):
    directory: RunDirectory
    config: Config
    knobs: K
    machine: Machine
    release: Release
    base: Base
    encoder: Encoder
    adapters: bool  # LoRA, decided
    files: dict[str, list[File]] = field(default_factory=dict)  # by role

    @property
    def pad(self) -> int:
        return int(self.base.tokenizer.pad_token_id)

    def seed(self) -> None:
        """Before weights are drawn: what came before (a base made, or found made) must not matter."""
        machine.make_deterministic(seed=self.config.seed, threads=self.machine.threads)

    def learning_rate(self, model: Any, *, lora: float, full: float, small: float) -> float:
        """The knob, or else the default for this way of training; `small` is for bases under `bases.SMALL`."""
        if self.knobs.learning_rate is not None:
            return self.knobs.learning_rate
        if model.num_parameters() < bases.SMALL:
            return small
        return lora if self.adapters else full


def opened(directory: RunDirectory, config: Config, knobs: F) -> Job[F]:
    """
    Raises:
        InvalidRelease, InvalidBase, InvalidKnob: why this cannot be trained.
    """
    here = machine.resolve(knobs)
    release = release_of(config)
    read = {
        role: [files.apart_from(file, release.rows) for file in found] for role, found in files_of(config).items()
    }
    learned_from = replace(
        release, rows=[*release.rows, *(row for file in read.get("data", []) for row in file.rows)]
    )
    if not any(row.split == "train" for row in learned_from.rows):
        what = "release" if config.release else "files that begin with the one"
        raise InvalidRelease(f"the train split of the {what} at {release.path} is empty; label more prompts")
    machine.make_deterministic(seed=config.seed, threads=here.threads)
    base = bases.make_or_find(config, knobs=knobs, release=learned_from, directory=directory)
    return Job(
        directory=directory,
        config=config,
        knobs=knobs,
        machine=here,
        release=release,
        base=base,
        encoder=Encoder(base.tokenizer, max_length=base.context(knobs.max_length), overlong=knobs.overlong),
        adapters=lora.wanted(knobs, base),
        files=read,
    )


def files_of(config: Config) -> dict[str, list[File]]:
    """By role; none without a file."""
    read: dict[str, list[File]] = {}
    for file in config.files:
        read.setdefault(file.role, []).append(files.read(Path(file.path), expected_hash=file.hash))
    return read


def release_of(config: Config) -> Release:
    """An empty one if there are only files."""
    if config.release is not None:
        return releases.read(Path(config.release.path), expected_hash=config.release.hash)
    data = config.files_of("data")
    if not data:
        raise InvalidRelease(f"a run of kind {config.kind} needs a release to learn from; its config.json names none")
    return Release(path=Path(data[0].path), hash="", rows=[])

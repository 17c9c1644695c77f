"""One training run, opened: its directory, configuration, machine, data and base, each checked before any work."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from training.exceptions import InvalidRelease
from training.ml.backbones import bases, lora
from training.ml.backbones.bases import Base
from training.ml.data import releases
from training.ml.data.conversations import Encoder
from training.ml.data.releases import Release
from training.ml.knobs import TrainingKnobs
from training.ml.run import machine
from training.ml.run.machine import Machine
from training.ml.run.rundir import Config, RunDirectory

K = TypeVar("K", bound=TrainingKnobs)


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


def opened(directory: RunDirectory, config: Config, knobs: K) -> Job[K]:
    """
    Raises:
        InvalidRelease, InvalidBase, InvalidKnob: why this cannot be trained.
    """
    if config.release is None:
        raise InvalidRelease(f"a run of kind {config.kind} needs a release to learn from; its config.json names none")
    here = machine.resolve(knobs)
    release = releases.read(Path(config.release.path), expected_hash=config.release.hash)
    if not any(row.split == "train" for row in release.rows):
        raise InvalidRelease(f"the train split of the release at {release.path} is empty; label more prompts")
    machine.make_deterministic(seed=config.seed, threads=here.threads)
    base = bases.make_or_find(config, knobs=knobs, release=release, directory=directory)
    return Job(
        directory=directory,
        config=config,
        knobs=knobs,
        machine=here,
        release=release,
        base=base,
        encoder=Encoder(base.tokenizer, max_length=base.context(knobs.max_length), overlong=knobs.overlong),
        adapters=lora.wanted(knobs, base),
    )

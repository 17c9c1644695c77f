"""What every run that learns from rewards opens first: its base, its prompts, and who judges the answers."""

import importlib.util
import math
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from training.exceptions import InvalidBase, InvalidKnob, InvalidLauncher
from training.ml.backbones import bases, lora, sources
from training.ml.backbones.bases import Base
from training.ml.data.conversations import Encoder
from training.ml.knobs.rl import BestOfNKnobs, RolloutKnobs
from training.ml.rl import fidelity, judges, prompts
from training.ml.rl.judges import Judge
from training.ml.rl.prompts import Prompts
from training.ml.run import machine, sharding
from training.ml.run.environment import processes
from training.ml.run.machine import Machine
from training.ml.run.rundir import Config, RunDirectory

RATES = {"full": 3e-6, "lora": 3e-5, "small": 3e-4}  # as the knob's text says

Answering = RolloutKnobs | BestOfNKnobs
K = TypeVar("K", bound=Answering)


@dataclass(frozen=True, kw_only=True)
class Setting(Generic[K]):
    """`gold`: the reward that is held out: nothing is trained on it. `notes`: warnings for the report."""

    directory: RunDirectory
    config: Config
    knobs: K
    machine: Machine
    base: Base
    prompts: Prompts
    judge: Judge
    gold: Judge | None
    notes: list[str]

    @property
    def pad(self) -> int:
        return int(self.base.tokenizer.pad_token_id)

    def seed(self) -> None:
        machine.make_deterministic(seed=self.config.seed, threads=self.machine.threads)


def opened(directory: RunDirectory, config: Config, knobs: K) -> Setting[K]:
    """
    Raises:
        InvalidBase, InvalidRun, InvalidKnob: why nothing can be learnt here; a reward model that does not say what
            its own report says among them.
    """
    here = machine.resolve(knobs)
    machine.make_deterministic(seed=config.seed, threads=here.threads)
    if config.base == sources.TINY:
        raise InvalidBase("base tiny starts from nothing and answers nothing: train it first (train_sft)")
    base = bases.find(config, knobs=knobs)
    found = prompts.read(
        directory, encoder=encoder_of(base, knobs), room=room_of(base, knobs), needs_train=config.kind != "best_of_n"
    )
    trained_on = [reference for reference in config.rewards if not reference.held_out]
    held_out = [reference for reference in config.rewards if reference.held_out]
    judge = judges.opened(trained_on, knobs=knobs, machine=here)
    gold = judges.opened(held_out, knobs=knobs, machine=here) if held_out else None
    return Setting(
        directory=directory,
        config=config,
        knobs=knobs,
        machine=here,
        base=base,
        prompts=found,
        judge=judge,
        gold=gold,
        notes=[
            *base.warnings,
            *length_notes(base, knobs),
            *episode_notes(knobs),
            *fidelity.check_all(config.rewards, base=base, knobs=knobs, machine=here, models=models_of(judge, gold)),
        ],
    )


def models_of(judge: Judge, gold: Judge | None) -> dict[str, Any]:
    """Reward models that are open already, by where they lie."""
    return judge.models | (gold.models if gold else {})


def check(kind: str, knobs: RolloutKnobs) -> None:
    """
    Raises:
        InvalidKnob: the answers of a step cannot be shared out evenly, or nobody of this name can be told of them.
        InvalidLauncher: models would be cut over devices.
    """
    if sharding.is_on("ACCELERATE_USE_DEEPSPEED") or (sharding.asked_for_fsdp() and kind != "ppo"):
        instead = "ddp, or fsdp2 to cut the backbone below adapters" if kind == "ppo" else "ddp"
        raise InvalidLauncher(f"{kind} keeps whole models on every device: say --accelerate-config {instead}")
    if knobs.rollout_size % processes():
        raise InvalidKnob(f"rollout_size={knobs.rollout_size}: expected a multiple of the {processes()} processes")
    if knobs.track and importlib.util.find_spec(knobs.track) is None:
        raise InvalidKnob(f"track={knobs.track}: it is not installed here (pip install {knobs.track})")


def learning_rate(knobs: RolloutKnobs, model: Any, *, adapters: bool) -> float:
    """The knob, or else the default for this way of training."""
    if knobs.learning_rate is not None:
        return knobs.learning_rate
    if model.num_parameters() < bases.SMALL:
        return RATES["small"]
    return RATES["lora" if adapters else "full"]


def encoder_of(base: Base, knobs: Answering) -> Encoder:
    wanted = knobs.max_length if isinstance(knobs, RolloutKnobs) else bases.NO_LIMIT - 1
    return Encoder(base.tokenizer, max_length=base.context(wanted), overlong=knobs.overlong)


def room_of(base: Base, knobs: Answering) -> int:
    """Tokens of the context that an answer of full length leaves for the prompt."""
    return encoder_of(base, knobs).max_length - longest_answer(base, knobs)


def longest_answer(base: Base, knobs: Answering) -> int:
    """Tokens: half of the context at most, or no room were left to ask anything."""
    return min(knobs.max_new_tokens, encoder_of(base, knobs).max_length // 2)


def length_notes(base: Base, knobs: Answering) -> list[str]:
    longest = longest_answer(base, knobs)
    if longest == knobs.max_new_tokens or not isinstance(knobs, RolloutKnobs):
        return []
    return [
        f"answers end at {longest} tokens, half of what this base reads, not at max_new_tokens={knobs.max_new_tokens}"
    ]


def episode_notes(knobs: Answering) -> list[str]:
    """Where what was asked for is no number of whole steps."""
    if not isinstance(knobs, RolloutKnobs) or not knobs.episodes or knobs.max_steps:
        return []
    drawn = math.ceil(knobs.episodes / knobs.rollout_size) * knobs.rollout_size
    if drawn == knobs.episodes:
        return []
    return [f"episodes={knobs.episodes}: {drawn} answers are drawn, whole steps of rollout_size={knobs.rollout_size}"]


def adapters(setting: Setting[Any]) -> bool:
    """Whether low-rank adapters are trained."""
    return lora.wanted(setting.knobs, setting.base)

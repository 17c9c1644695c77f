"""The settings of every kind of run: one frozen dataclass a kind, each knob described once.

That description serves `--help`, the stored run and the docs. `None` stands for `auto`: the run resolves it, says
how in the knob's text, and writes what it chose into its report. Torch-free.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass
from typing import Any

from training.exceptions import InvalidKnob
from training.ml.knobs.fields import as_text, typed
from training.ml.knobs.rankings import (
    CHECKS_OF_DPO,
    DpoKnobs,
    RankingKnobs,
    RewardKnobs,
    check_labels,
    check_listwise,
    check_ties,
)
from training.ml.knobs.rl import (
    BestOfNKnobs,
    GuardKnobs,
    PpoKnobs,
    RewardingKnobs,
    RlooKnobs,
    RolloutKnobs,
    check_ppo,
    check_rewarding,
    check_rloo,
)
from training.ml.knobs.sampling import SampleKnobs
from training.ml.knobs.sft import SftKnobs
from training.ml.knobs.training import FoundingKnobs, MachineKnobs, TrainingKnobs

__all__ = [
    "BestOfNKnobs",
    "DpoKnobs",
    "FoundingKnobs",
    "GuardKnobs",
    "Knobs",
    "MachineKnobs",
    "PpoKnobs",
    "RankingKnobs",
    "RewardKnobs",
    "RewardingKnobs",
    "RlooKnobs",
    "RolloutKnobs",
    "SampleKnobs",
    "SftKnobs",
    "TrainingKnobs",
]

Knobs = SftKnobs | RewardKnobs | DpoKnobs | PpoKnobs | RlooKnobs | BestOfNKnobs | SampleKnobs
KINDS: dict[str, type[Knobs]] = {
    "sft": SftKnobs,
    "rm": RewardKnobs,
    "dpo": DpoKnobs,
    "ppo": PpoKnobs,
    "rloo": RlooKnobs,
    "best_of_n": BestOfNKnobs,
    "sample": SampleKnobs,
}
NEEDS = {  # a knob that speaks of another one's work, where the kind has that one
    "mix_ratio": "mix",
    "ensemble_data": "ensemble",
    "conservative": "ensemble",
    "conservative_penalty": "ensemble",
    "head_weight": "heads",
    "kl_target": "kl_controller",
    "kl_horizon": "kl_controller",
    "clip_range": "iterations",
}


@dataclass(frozen=True, kw_only=True)
class Description:
    """A knob as a person reads it: `default` is the text that `parse` would take."""

    name: str
    default: str
    help: str


def describe(kind: str) -> list[Description]:
    return [
        Description(name=item.name, default=as_text(item.default), help=item.metadata["help"])
        for item in dataclasses.fields(class_of(kind))
    ]


def parse(kind: str, values: Mapping[str, str]) -> Knobs:
    """The knobs of `kind` with `values` (from `--set name=value`) over the defaults.

    Raises:
        InvalidKnob: an unknown kind or name, or a value of the wrong kind or out of range; one sentence.
    """
    return build(kind, {name: typed(text, found(kind, name)) for name, text in values.items()})


def from_json(kind: str, values: Mapping[str, Any], *, over: Mapping[str, str] | None = None) -> Knobs:
    """The knobs as `as_json` wrote them into config.json, and `over` them those of `--set`; checked as by `parse`."""
    return parse(kind, {name: as_text(value) for name, value in values.items()} | dict(over or {}))


def as_json(knobs: Knobs) -> dict[str, Any]:
    return asdict(knobs)


def class_of(kind: str) -> type[Knobs]:
    if kind not in KINDS:
        raise InvalidKnob(f"unknown kind of run {kind!r}: expected one of {', '.join(KINDS)}")
    return KINDS[kind]


def build(kind: str, values: Mapping[str, Any]) -> Knobs:
    knobs = class_of(kind)(**values)
    if isinstance(knobs, FoundingKnobs) and knobs.tiny_width % 32:
        raise InvalidKnob(f"tiny_width={knobs.tiny_width}: expected a multiple of 32")
    if isinstance(knobs, RewardKnobs) and knobs.loss == "plackett-luce":
        check_listwise(knobs)
    if isinstance(knobs, DpoKnobs):
        CHECKS_OF_DPO[knobs.trainer](knobs)
    if isinstance(knobs, RankingKnobs):
        check_ties(knobs)
        check_labels(knobs)
    check_rewarded(knobs)
    check_needs(knobs)
    return knobs


def check_rewarded(knobs: Knobs) -> None:
    if isinstance(knobs, RewardingKnobs):
        check_rewarding(knobs)
    if isinstance(knobs, PpoKnobs):
        check_ppo(knobs)
    if isinstance(knobs, RlooKnobs):
        check_rloo(knobs)


def check_needs(knobs: Knobs) -> None:
    """Nothing that was asked for is passed over in silence."""
    comes = {item.name: item.default for item in dataclasses.fields(knobs)}
    given = {name for name, default in comes.items() if getattr(knobs, name) != default}
    for name in sorted(given & NEEDS.keys()):
        if NEEDS[name] in comes and NEEDS[name] not in given:
            value = as_text(getattr(knobs, name))
            raise InvalidKnob(f"{name}={value}: says nothing without {NEEDS[name]}; say that too, or leave it out")


def found(kind: str, name: str) -> "Field[Any]":
    known = {item.name: item for item in dataclasses.fields(class_of(kind))}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        meant = f"did you mean {' or '.join(close)}? " if close else ""
        raise InvalidKnob(f"unknown knob {name!r} for {kind}: {meant}expected one of {', '.join(sorted(known))}")
    return known[name]

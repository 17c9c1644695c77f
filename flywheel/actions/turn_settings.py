"""What a turn was asked to do. Kept with the turn, so that an interrupted one goes on in the same way."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.conf import settings

from flywheel.exceptions import InvalidSetting
from training.ml import knobs

METHODS = settings.TURN_METHODS
REWARDED = ("ppo", "rloo")  # by the turn's own reward model
KINDS = ("sft", "rm", "dpo", "ppo", "rloo", "sample")
MINIMUM_JUDGEMENTS = 50
SEED = 17


@dataclass(frozen=True, kw_only=True)
class TurnSettings:
    """`knobs`: by kind of run, as `--set kind.name=value` gave them. `answers`: to each prompt that is labelled;
    `challenges`: prompts on which the new policy meets its parent."""

    simulate_labels: bool = False
    method: str = "dpo"
    min_judgements: int = MINIMUM_JUDGEMENTS
    prompts: int = 64
    answers: int = 4
    challenges: int = 40
    seed: int = SEED
    knobs: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Whose judgements are learned from: people's; simulated ones only when asked for by name."""
        return ("human", "imported", "simulated") if self.simulate_labels else ("human", "imported")

    def values(self, kind: str) -> dict[str, str]:
        return self.knobs.get(kind, {})

    @property
    def policy_values(self) -> dict[str, str]:
        """Knobs of the method. Of a release of rankings sft can only imitate what was ranked best."""
        return {**({"answers": "best"} if self.method == "sft" else {}), **self.values(self.method)}

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(values: Mapping[str, Any]) -> TurnSettings:
    known = TurnSettings.__dataclass_fields__
    return TurnSettings(**{name: value for name, value in values.items() if name in known})


def changed(before: TurnSettings, given: Mapping[str, Any]) -> TurnSettings:
    """`before` with what was given this time (None: not given); knobs are merged one by one.

    Raises:
        InvalidSetting: a number out of range, or a method that there is not.
        InvalidKnob: a knob that there is not, or a value of the wrong kind.
    """
    plain = {name: value for name, value in given.items() if value is not None and name != "knobs"}
    wanted = given.get("knobs") or {}
    merged = {kind: {**before.values(kind), **wanted.get(kind, {})} for kind in {*before.knobs, *wanted}}
    found = replace(before, **plain, knobs=merged)
    check(found)
    return found


def check(found: TurnSettings) -> None:
    if found.method not in METHODS:
        raise InvalidSetting(f"There is no method {found.method!r}; there is: {', '.join(METHODS)}.")
    for name, low, high in (
        ("min_judgements", 1, 10**9),
        ("prompts", 1, 10**6),
        ("answers", 2, 9),
        ("challenges", 1, 10**6),
    ):
        value = getattr(found, name)
        if not low <= value <= high:
            raise InvalidSetting(f"--{name.replace('_', '-')} {value}: expected a number from {low} to {high}.")
    for kind, values in found.knobs.items():
        knobs.parse(kind, values)


def parse_knobs(pairs: Sequence[str]) -> dict[str, dict[str, str]]:
    """`["rm.learning_rate=1e-4", …]` by kind of run.

    Raises:
        InvalidSetting: not of this shape, or no such kind.
    """
    found: dict[str, dict[str, str]] = {}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        kind, dot, name = path.partition(".")
        if not (equals and dot and name):
            raise InvalidSetting(f"--set {pair}: expected KIND.NAME=VALUE, such as rm.learning_rate=1e-4.")
        if kind not in KINDS:
            raise InvalidSetting(f"--set {pair}: {kind!r} is none of {', '.join(KINDS)}.")
        found.setdefault(kind, {})[name] = value
    return found

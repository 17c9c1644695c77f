"""Who says how good an answer is, and what of that the policy is trained on.

    score  = Σ weight · value                                        value: of a reward model or a Python function
    reward = clip(Σ weight · (value - mean) / std, ± score_clip)     mean, std: of the base's own answers (normalise)
             less missing_eos_value where the answer did not end

Reward models get text, so that their tokenizers may differ from the policy's. Of an ensemble it is the mean that
counts, or the conservative score (2310.02743). Each part is normalised before it is weighed (2403.17031; there one
reward model): weights then mean the same for a logit, a probability and a count.

An answer that is too long for a reward model is read by it as far as it can, and counts as one that did not end: what
it cannot see must not pay. `Verdict.cut` says so.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, SupportsFloat

from training.exceptions import AnswerTooLong, InvalidKnob, InvalidRun, RunFailed
from training.ml import rewards
from training.ml.data.releases import Message
from training.ml.knobs import MachineKnobs
from training.ml.knobs.rl import RewardingKnobs
from training.ml.rewards import Conversation, Reward, RewardModel
from training.ml.rl import functions
from training.ml.rl.rollouts import Rollout
from training.ml.run.machine import Machine
from training.ml.run.rundir import RewardReference

# prompts and answers, in one order -> a number for each answer
RewardFunction = Callable[[list[list[Message]], list[str]], Sequence[SupportsFloat]]

AS_IT_IS = RewardingKnobs(missing_eos="off")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """On one answer. `reward`: what is trained on; `score`: composed before any of the knobs but conservative.

    `spread`: standard deviation of an ensemble's members, weighed, 0 without; `parts`: what each source said;
    `cut`: one of them could read the beginning only.
    """

    reward: float
    score: float
    spread: float
    parts: dict[str, float]
    cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """Of one source on one answer."""

    value: float
    spread: float = 0.0
    cut: bool = False


class Scorer(Protocol):
    """What a judge needs of a reward model.

    Raises:
        AnswerTooLong: of `rewards`, where one does not fit.
    """

    def rewards(self, conversations: Sequence[Conversation]) -> list[Reward]: ...

    def fits(self, prompt: Sequence[Message], answer: str) -> bool: ...


class Source(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> float: ...

    def of(self, rollouts: Sequence[Rollout]) -> list[Opinion]: ...


@dataclass(frozen=True, kw_only=True)
class Model:
    """A reward model as a source. `source`: where it lies."""

    name: str
    weight: float
    source: str
    scorer: Scorer
    conservative: bool = False

    def of(self, rollouts: Sequence[Rollout]) -> list[Opinion]:
        """
        Raises:
            RunFailed: a score is no number.
        """
        texts = [rollout.text for rollout in rollouts]
        try:
            found = self.scorer.rewards(conversations(rollouts, texts))
        except AnswerTooLong:
            texts = [longest_read(self.scorer, rollout) for rollout in rollouts]
            found = self.scorer.rewards(conversations(rollouts, texts))
        opinions = [
            Opinion(
                value=reward.conservative if self.conservative else reward.value,
                spread=reward.spread,
                cut=text != rollout.text,
            )
            for reward, text, rollout in zip(found, texts, rollouts, strict=True)
        ]
        if not all(math.isfinite(opinion.value) for opinion in opinions):
            raise RunFailed(f"the reward model {self.name} gives scores that are no number: train it again")
        return opinions


def conversations(rollouts: Sequence[Rollout], texts: Sequence[str]) -> list[Conversation]:
    return [(rollout.prompt.messages, text) for rollout, text in zip(rollouts, texts, strict=True)]


def longest_read(scorer: Scorer, rollout: Rollout) -> str:
    """The answer, or as much of its beginning as leaves room for a prompt."""
    messages, text = rollout.prompt.messages, rollout.text
    if scorer.fits(messages, text):
        return text
    fitting, over = 0, len(text)
    while over - fitting > 1:
        middle = (fitting + over) // 2
        if scorer.fits(messages, text[:middle]):
            fitting = middle
        else:
            over = middle
    return text[:fitting]


@dataclass(frozen=True, kw_only=True)
class Function:
    """A Python function as a source: `module:function`."""

    name: str
    weight: float
    function: RewardFunction

    def of(self, rollouts: Sequence[Rollout]) -> list[Opinion]:
        """
        Raises:
            RunFailed: it raised, gave another number of values, or one that is no finite number.
        """
        prompts = [[dict(message) for message in rollout.prompt.messages] for rollout in rollouts]
        try:
            found = list(self.function(prompts, [rollout.text for rollout in rollouts]))
        except Exception as error:  # whatever somebody's own code raises
            raise RunFailed(f"the reward function {self.name} failed with {type(error).__name__}: {error}") from error
        if len(found) != len(rollouts):
            raise RunFailed(
                f"the reward function {self.name} gave {len(found)} values for {len(rollouts)} answers: it must give "
                "one for each, in their order"
            )
        return [Opinion(value=self.number(value)) for value in found]

    def number(self, value: Any) -> float:
        if isinstance(value, SupportsFloat) and math.isfinite(float(value)):
            return float(value)
        raise RunFailed(f"the reward function {self.name} gave {value!r}, which is no finite number")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Of what a source says of `n` of the base's own answers."""

    mean: float
    std: float
    n: int

    def of(self, value: float) -> float:
        """Without any variation there is no scale, and only the mean is taken off."""
        return (value - self.mean) / (self.std or 1.0)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """All sources together. `scales`: by source, of the base's answers; empty before `calibrated`."""

    sources: tuple[Source, ...]
    knobs: RewardingKnobs
    scales: Mapping[str, Scale] = field(default_factory=dict)

    @property
    def models(self) -> dict[str, Scorer]:
        """Those of the sources that are reward models, by where they lie."""
        return {source.source: source.scorer for source in self.sources if isinstance(source, Model)}

    def of(self, rollouts: Sequence[Rollout]) -> list[Verdict]:
        """On each answer, in their order.

        Raises:
            RunFailed: a source gave no number, or nothing is known of the base and `normalise` asks for it.
        """
        if self.knobs.normalise and not self.scales:
            raise RunFailed("normalise=true: the base's own answers have not been scored, nothing is known of them")
        said = self.said(rollouts)
        return [
            self.verdict(rollout, {name: opinions[place] for name, opinions in said.items()})
            for place, rollout in enumerate(rollouts)
        ]

    def said(self, rollouts: Sequence[Rollout]) -> dict[str, list[Opinion]]:
        return {source.name: source.of(rollouts) if rollouts else [] for source in self.sources}

    def verdict(self, rollout: Rollout, said: Mapping[str, Opinion]) -> Verdict:
        cut = any(opinion.cut for opinion in said.values())
        return Verdict(
            reward=self.reward(said, ended=rollout.ended and not cut),
            score=math.fsum(source.weight * said[source.name].value for source in self.sources),
            spread=math.fsum(abs(source.weight) * said[source.name].spread for source in self.sources),
            parts={name: opinion.value for name, opinion in said.items()},
            cut=cut,
        )

    def reward(self, said: Mapping[str, Opinion], *, ended: bool) -> float:
        knobs = self.knobs
        if not ended and knobs.missing_eos == "score":
            return -knobs.missing_eos_value
        found = math.fsum(source.weight * self.scaled(source.name, said[source.name]) for source in self.sources)
        if knobs.score_clip:
            found = min(max(found, -knobs.score_clip), knobs.score_clip)
        return found - knobs.missing_eos_value if not ended and knobs.missing_eos == "penalty" else found

    def scaled(self, name: str, opinion: Opinion) -> float:
        return self.scales[name].of(opinion.value) if self.knobs.normalise else opinion.value

    def calibrated(self, rollouts: Sequence[Rollout]) -> "Judge":
        """The same with the scales of these answers, which the base gave."""
        return replace(self, scales={name: scale_of(opinions) for name, opinions in self.said(rollouts).items()})

    def notes(self) -> list[str]:
        """Warnings for the report."""
        if not self.knobs.normalise:
            return []
        return [
            f"normalise: {name} says the same of all {scale.n} answers of the base: only its mean was taken off"
            for name, scale in self.scales.items()
            if not scale.std
        ]

    def as_json(self) -> dict[str, Any]:
        return {"scales": {name: asdict(scale) for name, scale in self.scales.items()}}

    def from_json(self, state: Mapping[str, Any]) -> "Judge":
        """The same with the scales that `as_json` gave.

        Raises:
            InvalidRun: they are those of other sources.
        """
        names = {source.name for source in self.sources}
        if state["scales"] and set(state["scales"]) != names:
            raise InvalidRun(
                f"the checkpoint knows the scales of {', '.join(sorted(state['scales']))}, and this run is rewarded "
                f"by {', '.join(sorted(names))}: remove its checkpoints/ to begin anew"
            )
        return replace(self, scales={name: Scale(**scale) for name, scale in state["scales"].items()})


def scale_of(opinions: Sequence[Opinion]) -> Scale:
    """
    Raises:
        RunFailed: there are none.
    """
    values = [opinion.value for opinion in opinions]
    if not values:
        raise RunFailed("the base gave no answer whose scores could be a scale: give the run prompts")
    return Scale(mean=math.fsum(values) / len(values), std=statistics.pstdev(values), n=len(values))


def opened(references: Sequence[RewardReference], *, knobs: RewardingKnobs, machine: Machine) -> Judge:
    """The judge of all these references; of held-out ones it is the plain score, whatever the knobs say.

    Raises:
        InvalidRun: there is no reference, or no such function.
        InvalidBase: what is named is no reward model.
        InvalidKnob: a conservative score of no ensemble.
    """
    if not references:
        raise InvalidRun("nothing says how good an answer is: name a reward model, or a function as module:function")
    trained_on = not all(reference.held_out for reference in references)
    how = knobs if trained_on else AS_IT_IS
    sources = tuple(
        source_of(reference, name=name, knobs=how, machine=machine)
        for reference, name in zip(references, names_of(references), strict=True)
    )
    check_conservative(sources, knobs=how)
    return Judge(sources=sources, knobs=how)


def source_of(reference: RewardReference, *, name: str, knobs: RewardingKnobs, machine: Machine) -> Source:
    if functions.is_named(reference.source):
        return Function(name=name, weight=reference.weight, function=functions.imported(reference.source))
    return Model(
        name=name,
        weight=reference.weight,
        source=reference.source,
        scorer=opened_model(reference, machine=machine),
        conservative=knobs.conservative,
    )


def opened_model(reference: RewardReference, *, machine: Machine) -> RewardModel:
    """With its own chat template, whatever the policy is told to use."""
    place = MachineKnobs(device=machine.device, precision=machine.precision, threads=machine.threads)
    return rewards.opened(Path(reference.source), knobs=place)


def check_conservative(sources: Sequence[Source], *, knobs: RewardingKnobs) -> None:
    models = [source.scorer for source in sources if isinstance(source, Model)]
    if knobs.conservative and not any(isinstance(model, RewardModel) and model.adapters for model in models):
        raise InvalidKnob(
            "conservative=true: none of the reward models is an ensemble; name one (train_rm --set ensemble=4), or "
            "leave it out"
        )


def names_of(references: Sequence[RewardReference]) -> list[str]:
    """What to call each: the run that made it, or the function; told apart by numbers where they are alike."""
    names: list[str] = []
    for reference in references:
        plain, number = name_of(reference.source), 1
        name = plain
        while name in names:
            number += 1
            name = f"{plain} {number}"
        names.append(name)
    return names


def described(references: Sequence[RewardReference]) -> list[dict[str, Any]]:
    """For the report, which holds no paths."""
    return [
        {"name": name, "weight": reference.weight, "hash": reference.hash, "held_out": reference.held_out}
        for reference, name in zip(references, names_of(references), strict=True)
    ]


def name_of(source: str) -> str:
    if functions.is_named(source):
        return source
    path = Path(source)
    return path.parent.name if path.name == "model" else path.name

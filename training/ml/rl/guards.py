"""How far a policy may go: what is compared with the base at each measurement, and what then happens. Torch-free.

    kl          nats an answer over max_kl
    entropy     nats a token under min_entropy                                mode collapse
    length      answers max_length_drift times longer or shorter              length hacking, 2310.03716
    gap         rise of the score - rise of the held-out one > max_gap,       over-optimisation, 2210.10760
                each in standard deviations of the base's answers
    spread      members of the ensemble max_spread times further apart        2310.02743
    repetition  share of repeated 4-grams over max_repetition

An alarm warns, or stops the run where `stop_on` names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.ml.knobs.rl import ALARMS, GuardKnobs
from training.ml.rl.measured import Measured


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """`name`: one of ALARMS."""

    name: str
    sentence: str
    stops: bool


@dataclass(frozen=True, kw_only=True)
class Guards:
    """`start`: the base on the same prompts."""

    knobs: GuardKnobs
    start: Measured

    def alarms(self, now: Measured) -> list[Alarm]:
        """Of all limits that are passed, in the order of ALARMS."""
        stopping = self.stopping()
        found = [(name, CHECKS[name](self, now)) for name in ALARMS]
        return [Alarm(name=name, sentence=said, stops=name in stopping) for name, said in found if said]

    def stopping(self) -> set[str]:
        return {name.strip() for name in self.knobs.stop_on.split(",")} - {""}

    def idle(self) -> list[str]:
        """Warnings: which of those that are to stop the run never can. That of kl is so by default."""
        reasons = {
            "entropy": "" if self.knobs.min_entropy else "min_entropy is 0",
            "length": "" if self.knobs.max_length_drift else "max_length_drift is 0",
            "gap": self.no_gap(),
            "spread": self.no_spread(),
            "repetition": "" if self.knobs.max_repetition else "max_repetition is 0",
        }
        stopping = self.stopping()
        return [
            f"stop_on={name} stops nothing: {reason}"
            for name, reason in reasons.items()
            if reason and name in stopping
        ]

    def no_gap(self) -> str:
        if not self.knobs.max_gap:
            return "max_gap is 0"
        if self.start.gold is None:
            return "no reward is held out"
        if not self.start.score_std or not self.start.gold_std:
            return "a reward says the same of all of the base's answers"
        return ""

    def no_spread(self) -> str:
        if not self.knobs.max_spread:
            return "max_spread is 0"
        return "" if self.start.spread else "no reward model is an ensemble"

    def kl(self, now: Measured) -> str:
        limit = self.knobs.max_kl
        if limit is None or now.kl <= limit:
            return ""
        return f"the policy is {now.kl:.2f} nats an answer from the base, over max_kl={limit:g}"

    def entropy(self, now: Measured) -> str:
        if now.entropy >= self.knobs.min_entropy:
            return ""
        return (
            f"the entropy is {now.entropy:.3f} nats a token, under min_entropy={self.knobs.min_entropy:g} (the base: "
            f"{self.start.entropy:.3f}): answers lose their variety"
        )

    def length(self, now: Measured) -> str:
        limit = self.knobs.max_length_drift
        if not limit or self.start.length / limit <= now.length <= self.start.length * limit:
            return ""
        return (
            f"answers are {now.length:.0f} tokens long, the base's {self.start.length:.0f}: more than "
            f"max_length_drift={limit:g} times {'longer' if now.length > self.start.length else 'shorter'}"
        )

    def gap(self, now: Measured) -> str:
        if self.no_gap() or now.gold is None or self.start.gold is None or not self.start.gold_std:
            return ""
        risen = (now.score - self.start.score) / self.start.score_std
        held_out = (now.gold - self.start.gold) / self.start.gold_std
        if risen - held_out <= self.knobs.max_gap:
            return ""
        return (
            f"the score has risen by {risen:.2f} of the base's standard deviations, the held-out one by "
            f"{held_out:.2f}: further apart than max_gap={self.knobs.max_gap:g} (over-optimisation)"
        )

    def spread(self, now: Measured) -> str:
        if self.no_spread() or now.spread <= self.knobs.max_spread * self.start.spread:
            return ""
        return (
            f"members of the ensemble are {now.spread / self.start.spread:.1f} times as far apart as on the base's "
            f"answers, over max_spread={self.knobs.max_spread:g}: these answers are unlike what they learnt from"
        )

    def repetition(self, now: Measured) -> str:
        limit = self.knobs.max_repetition
        if not limit or now.repetition <= limit:
            return ""
        return (
            f"{now.repetition:.0%} of an answer's 4-grams stood in it before, over max_repetition={limit:g} (the "
            f"base: {self.start.repetition:.0%})"
        )


CHECKS: dict[str, Callable[[Guards, Measured], str]] = {
    "kl": Guards.kl,
    "entropy": Guards.entropy,
    "length": Guards.length,
    "gap": Guards.gap,
    "spread": Guards.spread,
    "repetition": Guards.repetition,
}


def best(history: Sequence[Measured], max_kl: float | None) -> int:
    """Index of the best measurement within the budget, the first of equals; the nearest to the base if none is.

    By the held-out reward where all of them have one, else by the score.
    """
    places = range(len(history))
    within = [place for place in places if max_kl is None or history[place].kl <= max_kl]
    if not within:
        return min(places, key=lambda place: history[place].kl)
    golds = [history[place].gold for place in within]
    values = [history[place].score for place in within] if None in golds else golds
    return max(zip(within, values, strict=True), key=lambda item: (item[1], -item[0]))[0]

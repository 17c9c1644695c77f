"""What the report of a policy that learned from rewards says, or of the best of its answers: how good they became, at
what distance from the base."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training.actions.completions import question, shortened
from training.views.report import NOTHING, Record, count, number, record, said

MEASURES = {
    "score": gettext_lazy("score"),
    "gold": gettext_lazy("held-out reward"),
    "reward": gettext_lazy("reward as it is trained on"),
    "kl": gettext_lazy("KL from the base, nats an answer"),
    "kl3": gettext_lazy("the same by k3"),
    "entropy": gettext_lazy("entropy, nats a token"),
    "length": gettext_lazy("length, tokens"),
    "ended": gettext_lazy("share of answers that ended"),
    "repetition": gettext_lazy("share of repeated 4-grams"),
    "distinct_1": gettext_lazy("distinct tokens"),
    "distinct_2": gettext_lazy("distinct pairs of tokens"),
    "spread": gettext_lazy("spread of the ensemble"),
    "cut": gettext_lazy("share too long for a reward model"),
    "score_std": gettext_lazy("standard deviation of the score"),
    "gold_std": gettext_lazy("standard deviation of the held-out reward"),
    "score_interval": gettext_lazy("interval of the score (95 %)"),
    "gold_interval": gettext_lazy("interval of the held-out reward (95 %)"),
    "reward_interval": gettext_lazy("interval of the reward (95 %)"),
}
PLACES = ("start", "single", "best", "end")  # of a policy's course, or of best-of-n
GAINS = ("score", "gold")
UNSEEN = ("step", "n", "best_of", "sqrt_kl")


@dataclass(frozen=True, kw_only=True)
class Measure:
    name: str
    values: list[str]  # in each of the places that there are


@dataclass(frozen=True, kw_only=True)
class Gain:
    name: str
    value: str
    low: str
    high: str
    n: int | None


@dataclass(frozen=True, kw_only=True)
class Sample:
    prompt: str
    before: str
    after: str
    score_before: str
    score_after: str


def described(whole: Record) -> dict[str, Any]:
    """Of any report; what it does not say is empty."""
    held_out, optimised = record(whole.get("held_out")), record(whole.get("over_optimisation"))
    curve = records(whole.get("curve"))
    points = list(frontier(curve)) if "gain" in held_out else []
    begins = record(optimised.get("over_optimised"))
    measures = course(held_out)
    return {
        "course": measures,
        "course_columns": [heading(place, one) for place, one in places(held_out).items()],
        "measured_on": count(record(held_out.get("best")).get("n")),
        "chosen_on": count(record(whole.get("data")).get("choosing_prompts")),
        "point_name": _("Best of") if curve and "best_of" in curve[0] else _("Step"),
        "watched": bool(optimised),
        "gains": list(gains(record(held_out.get("gain")))),
        "frontier": [[said(value) for value in row] for row in points],
        "begins": {"step": count(begins.get("step")), "sqrt_kl": number(begins.get("sqrt_kl"))} if begins else None,
        "alarms": list(alarms(records(whole.get("alarms")))),
        "samples": [sample(one) for one in records(whole.get("samples"))],
    }


def drawn(whole: Record) -> Record:
    """What the plot of reward against distance is drawn from."""
    begins = record(record(whole.get("over_optimisation")).get("over_optimised"))
    curve = records(whole.get("curve")) if "gain" in record(whole.get("held_out")) else []
    points = list(frontier(curve))
    start = curve[0] if points else {}
    rows = [
        {
            "step": step,
            "sqrt_kl": distance,
            "score": score,
            "gold": gold,
            "score_rise": rise(score, start, "score"),
            "gold_rise": rise(gold, start, "gold"),
        }
        for step, distance, score, gold in points
    ]
    return {
        "rows": rows,
        "begins": number(begins.get("sqrt_kl")),
        "names": {"score_rise": _("score"), "gold_rise": _("held-out reward")},
    }


def records(value: Any) -> list[Record]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def course(held_out: Record) -> list[Measure]:
    """A measure a row, in the order in which they are explained; those of later versions behind them."""
    columns = places(held_out).values()
    found = dict.fromkeys(name for column in columns for name in column)
    names = [name for name in MEASURES if name in found] + [name for name in found if name not in MEASURES]
    return [
        Measure(
            name=str(MEASURES.get(name, name.replace("_", " "))),
            values=[valued(column.get(name)) for column in columns],
        )
        for name in names
        if name not in UNSEEN and any(column.get(name) is not None for column in columns)
    ]


def places(held_out: Record) -> dict[str, Record]:
    """What was measured where, if all of this is a course."""
    found = {place: record(held_out[place]) for place in PLACES if place in held_out}
    return found if "best" in found and len(found) > 1 and all(found.values()) else {}


def heading(place: str, measured: Record) -> str:
    step = valued(measured.get("step"))
    if place == "best" and "best_of" in measured:
        return _("Best of %(n)s") % {"n": valued(measured["best_of"])}
    return {
        "start": _("The base"),
        "single": _("A single answer"),
        "best": _("Kept, of step %(step)s") % {"step": step},
        "end": _("At the end, step %(step)s") % {"step": step},
    }[place]


def valued(value: Any) -> str:
    """A number, or an interval as [low, high]."""
    if isinstance(value, list) and len(value) == 2 and all(number(bound) is not None for bound in value):
        return _("%(low)s to %(high)s") % {"low": said(value[0]), "high": said(value[1])}
    return said(value) if number(value) is not None else NOTHING


def gains(found: Record) -> Iterator[Gain]:
    for name in GAINS:
        one = record(found.get(name))
        if number(one.get("value")) is not None:
            low, high = valued(one.get("low")), valued(one.get("high"))
            n = count(one.get("n"))
            yield Gain(name=str(MEASURES[name]), value=valued(one["value"]), low=low, high=high, n=n)


def frontier(curve: Sequence[Record]) -> Iterator[tuple[int, float, float, float | None]]:
    """Step (or how many answers the best is of), square root of the KL, score and held-out reward of each
    measurement. An estimate of KL below 0 is 0."""
    for one in curve:
        step, kl, score = count(one.get("step", one.get("best_of"))), number(one.get("kl")), number(one.get("score"))
        if step is not None and kl is not None and score is not None:
            yield step, max(kl, 0.0) ** 0.5, score, number(one.get("gold"))


def rise(value: float | None, start: Record, name: str) -> float | None:
    """Since the base, in standard deviations of the base's answers where there are any."""
    before = number(start.get(name))
    if value is None or before is None:
        return None
    return (value - before) / (number(start.get(f"{name}_std")) or 1.0)


def alarms(found: Sequence[Record]) -> Iterator[tuple[int, str, bool]]:
    for one in found:
        step, sentence = count(one.get("step")), one.get("sentence")
        if step is not None and isinstance(sentence, str):
            yield step, sentence, one.get("stops") is True


def sample(one: Record) -> Sample:
    return Sample(
        prompt=question(one.get("prompt")),
        before=shortened(one.get("before")),
        after=shortened(one.get("after")),
        score_before=valued(one.get("score_before")),
        score_after=valued(one.get("score_after")),
    )

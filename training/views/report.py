"""A report as tables: what is known by name in a form of its own, what a later version adds as plain facts.

The file was written by another process, perhaps of another version: whatever is not as expected is left out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Record = dict[str, Any]

# Parts of `held_out` and of the report that have a form of their own.
TOLD = {"accuracy", "baselines", "human_ceiling", "slices", "calibration", "length"}
COURSE = {"start", "single", "best", "end", "gain"}  # of a policy that learned from rewards, and of best-of-n
SHOWN_ELSEWHERE = {
    "kind",
    "headline",
    "warnings",
    "held_out",
    "base",
    "knobs",
    "resolved",
    "seed",
    "versions",
    "splits",
    "repeat",
    "curve",
    "over_optimisation",
    "alarms",
    "samples",
    "rewards",
}
CODE = {"commit", "project_version"}
BASELINES = {
    "longest": gettext_lazy("always the longer answer"),
    "majority": gettext_lazy("always the policy that won"),
}
SLICES = {
    "strength": gettext_lazy("By strength of the preference"),
    "annotator": gettext_lazy("By annotator"),
    "source": gettext_lazy("By source"),
    "policies": gettext_lazy("By the policies compared"),
    "heads": gettext_lazy("By the criterion of each head"),
    "tags": gettext_lazy("By tag"),
    "tag": gettext_lazy("By tag"),
}
NOTHING = "–"
MOST_FACTS = 200
MEASURED = {"value", "low", "high", "n_pairs", "n_prompts"}


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share with its interval, and on what it was measured; `value` is None of too few pairs."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    pairs: int | None
    prompts: int | None

    @property
    def said(self) -> str:
        return percent(self.value)

    @property
    def interval(self) -> str:
        if self.low is None or self.high is None:
            return NOTHING
        return _("%(low)s to %(high)s") % {"low": percent(self.low), "high": percent(self.high)}

    def drawn(self) -> Record:
        return {"name": self.name, "value": self.value, "low": self.low, "high": self.high, "n": self.pairs}


@dataclass(frozen=True, kw_only=True)
class Slice:
    title: str
    shares: list[Share]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Pairs to which the model gave about the same probability."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None

    @property
    def range(self) -> str:
        return _("%(low)s to %(high)s") % {"low": percent(self.low), "high": percent(self.high)}

    @property
    def expected(self) -> str:
        return percent(self.confidence)

    @property
    def found(self) -> str:
        return percent(self.accuracy)


@dataclass(frozen=True, kw_only=True)
class Facts:
    title: str
    facts: list[tuple[str, str]]


def record(value: Any) -> Record:
    """`value`, if it is an object of JSON."""
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def percent(value: float | None) -> str:
    if value is None:
        return NOTHING
    # number_format cuts; so it is rounded first.
    return _("%(number)s %%") % {"number": number_format(round(100 * value, 1), decimal_pos=1)}


def share(name: str, value: Any) -> Share | None:
    found = record(value)
    if "value" not in found:
        return None
    return Share(
        name=name,
        value=number(found["value"]),
        low=number(found.get("low")),
        high=number(found.get("high")),
        pairs=count(found.get("n_pairs")),
        prompts=count(found.get("n_prompts")),
    )


def accuracies(held_out: Record) -> list[Share]:
    """The accuracy beside what it has to beat and what it can reach."""
    baselines = record(held_out.get("baselines")).items()
    named = [
        (_("this run"), held_out.get("accuracy")),
        *((str(BASELINES.get(name, name)), value) for name, value in baselines),
        (_("people with each other"), held_out.get("human_ceiling")),
    ]
    return [found for name, value in named if (found := share(name, value))]


def slices(held_out: Record) -> list[Slice]:
    found = [
        Slice(title=str(SLICES.get(kind, kind)), shares=[one for name in value if (one := share(name, value[name]))])
        for kind, value in named_accuracies(held_out).items()
    ]
    for kind, value in record(held_out.get("slices")).items():
        parts = record(value).get("parts")
        shares = [
            one
            for part in (parts if isinstance(parts, list) else [])
            if (one := share(str(record(part).get("name", "")), part))
        ]
        rest = record(record(value).get("rest"))
        if others := share(_("%(n)s others") % {"n": rest.get("parts", "")}, rest):
            shares.append(others)
        if shares:
            found.append(Slice(title=str(SLICES.get(kind, kind)), shares=shares))
    return found


def splits(report: Record) -> list[Slice]:
    """Training pairs beside held-out ones: how much was learnt by heart."""
    names = {"test": _("held out"), "train": _("trained on")}
    found = [share(names.get(name, name), value) for name, value in record(report.get("splits")).items()]
    shares = [one for one in found if one]
    return [Slice(title=_("By split"), shares=shares)] if shares else []


def named_accuracies(held_out: Record) -> dict[str, Record]:
    """Parts that are accuracies by name, as those of a model's `heads` are."""
    others = {name: record(value) for name, value in held_out.items() if name not in TOLD}
    return {name: value for name, value in others.items() if value and all(map(is_accuracy, value.values()))}


def is_accuracy(value: Any) -> bool:
    return {"value", "n_pairs"} <= set(record(value))


def bins(held_out: Record) -> list[Bin]:
    found = record(held_out.get("calibration")).get("bins")
    return [
        Bin(
            low=low,
            high=high,
            n=count(one.get("n")) or 0,
            confidence=number(one.get("confidence")),
            accuracy=number(one.get("accuracy")),
        )
        for one in map(record, found if isinstance(found, list) else [])
        if (low := number(one.get("low"))) is not None and (high := number(one.get("high"))) is not None
    ]


def other_facts(held_out: Record) -> list[tuple[str, str]]:
    """What the held-out part says beside what is told above."""
    told = (COURSE if "gain" in held_out else TOLD) | set(named_accuracies(held_out))
    return facts({name: value for name, value in held_out.items() if name not in told})


def sections(report: Record) -> Iterator[Facts]:
    """Every other part, by its name in the report: `data`, `batches`, `train`, and what later versions add."""
    for name, value in report.items():
        if name not in SHOWN_ELSEWHERE | CODE and (found := facts(record(value) or {name: value})):
            yield Facts(title=name.replace("_", " "), facts=found)


def facts(value: Record) -> list[tuple[str, str]]:
    """A tree of JSON as names and values: `{"a": {"b": 1}}` is `a b: 1`."""
    found = list(leaves(value))
    return found[:MOST_FACTS] + ([("…", "…")] if len(found) > MOST_FACTS else [])


def leaves(value: Record, *, before: str = "") -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        label = f"{before}{name}".replace("_", " ")
        if is_accuracy(item):
            yield label, in_words(item)
        if (inner := branches(item)) is not None:
            yield from leaves(inner, before=f"{label} ")
        elif item not in ("", None, []):
            yield label, said(item)


def branches(item: Any) -> Record | None:
    """What of an object is not told in words, a list of objects by number; None of what is a leaf."""
    if isinstance(item, list) and any(isinstance(one, dict) for one in item):
        return {str(place): one for place, one in enumerate(item, start=1)}
    if is_accuracy(item):
        return {name: value for name, value in item.items() if name not in MEASURED}
    return item if isinstance(item, dict) else None


def in_words(accuracy: Record) -> str:
    found = share("", accuracy)
    if found is None or found.value is None:
        return NOTHING
    said = {"value": found.said, "interval": found.interval, "pairs": found.pairs, "prompts": found.prompts}
    return _("%(value)s (%(interval)s) on %(pairs)s pairs of %(prompts)s prompts") % said


def said(value: Any) -> str:
    """A value of JSON for a reader: numbers as in the reader's language, to four places that matter."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return str(number_format(value, force_grouping=True))
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, list):
        return ", ".join(map(said, value))
    return NOTHING if value is None else str(value)


def rounded(value: float) -> str:
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.3g}"
    places = max(0, 3 - math.floor(math.log10(abs(value) or 1)))
    return str(number_format(round(value, places) if places else round(value), force_grouping=True))

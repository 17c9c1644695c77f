"""From an annotator's figures to what to do about them, in codes; the words stand where they are shown.

Nothing is held against anybody that chance may have done: each rule asks for the whole interval. No rule acts by
itself; the codes are suggestions to people who read the judgements first.
"""

from dataclasses import dataclass, field

from annotation.stats.figures import Figure

UNKNOWN = Figure(value=None)

ENOUGH = 30  # judgements; of fewer nothing is suggested
KNOWN = 0.7  # of known answers; who is surely below has not understood the guidelines, or does not read
CHANCE = 0.5  # of two sides
REPEATS = 0.7  # agreement with oneself; coins give a half
FAST = 0.2  # of the judgements faster than a fifth of the usual time
LOPSIDED = 0.1  # above or below a half, of pairs won by whatever was seen first

ORDER = ("pause", "retrain", "talk", "watch", "fine")
ATTENTION = ("talk", "retrain", "pause")  # what asks a reviewer to do something
# The gravest of the reasons decides.
SEVERITY = {
    "against": "pause",  # agrees with others less often than coins
    "known_chance": "pause",  # known answers no better than coins
    "fast_and_wrong": "pause",
    "known_low": "retrain",
    "repeats_low": "retrain",
    "agreement_low": "talk",  # surely below everybody's
    "worse": "talk",  # the last ones surely below those before
    "position": "talk",
    "fast": "watch",
    "length": "watch",  # prefers longer answers surely more than others do
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One annotator's figures; `everybody` and `everybodys_length` are the project's. `fast`: the share of their
    judgements that are too quick to have been read."""

    judgements: int
    agreement: Figure = UNKNOWN
    everybody: Figure = UNKNOWN
    known: Figure = UNKNOWN
    repeats: Figure = UNKNOWN
    fast: Figure = UNKNOWN
    position: Figure = UNKNOWN
    length: Figure = UNKNOWN
    everybodys_length: Figure = UNKNOWN
    recent: Figure = UNKNOWN
    before: Figure = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """`code`: "fine", "watch", "talk", "retrain", "pause", or "more_data" where there is too little to say.
    `reasons`: keys of SEVERITY, the gravest first."""

    code: str
    reasons: list[str] = field(default_factory=list)


def suggestion(record: Record) -> Suggestion:
    if record.judgements < ENOUGH or (record.agreement.value is None and record.known.value is None):
        return Suggestion(code="more_data")
    found = reasons(record)
    return Suggestion(code=SEVERITY[found[0]] if found else "fine", reasons=found)


def reasons(record: Record) -> list[str]:
    quick = above(record.fast, FAST)
    wrong = below(record.known, KNOWN) or below_figure(record.agreement, record.everybody)
    holds = {
        "against": below(record.agreement, CHANCE),
        "known_chance": below(record.known, CHANCE),
        "fast_and_wrong": quick and wrong,
        "known_low": below(record.known, KNOWN),
        "repeats_low": below(record.repeats, REPEATS),
        "agreement_low": below_figure(record.agreement, record.everybody),
        "worse": below_figure(record.recent, record.before),
        "position": above(record.position, 0.5 + LOPSIDED) or below(record.position, 0.5 - LOPSIDED),
        "fast": quick,
        "length": below_figure(record.everybodys_length, record.length),
    }
    found = [reason for reason, held in holds.items() if held]
    return sorted(found, key=lambda reason: ORDER.index(SEVERITY[reason]))


def below(figure: Figure, bound: float) -> bool:
    return figure.high is not None and figure.high < bound


def above(figure: Figure, bound: float) -> bool:
    return figure.low is not None and figure.low > bound


def below_figure(figure: Figure, other: Figure) -> bool:
    """Whether the whole interval of the one lies below that of the other."""
    return figure.high is not None and other.low is not None and figure.high < other.low

"""How often one policy's answer is preferred to another's, with its uncertainty."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from annotation.stats.intervals import Cluster, Interval, clustered_wilson

MINIMUM_PROMPTS = 10  # below it the interval is wider than half the scale, and a number misleads


class Tally(NamedTuple):
    """Outcomes of the comparisons of one prompt, as the policy in question sees them."""

    wins: int
    ties: int
    losses: int

    @property
    def n(self) -> int:
        return self.wins + self.ties + self.losses


@dataclass(frozen=True, kw_only=True)
class WinRate:
    """Share of comparisons won, ties as half, with a 95 % Wilson interval; None below `MINIMUM_PROMPTS` prompts."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    prompts: int
    wins: int
    ties: int
    losses: int

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return f"not enough: {self.prompts} of the {MINIMUM_PROMPTS} prompts that a number needs"
        return f"{self.value:.0%} (95 % interval {self.low:.0%} to {self.high:.0%}, n = {self.n})"


def win_rate(*, wins: int, ties: int, losses: int) -> WinRate:
    """The rate over comparisons that each stand for a prompt of their own; else use `win_rate_by_prompt`.

    A tie is half a win. Wilson's interval is then a little too wide, never too narrow: half points vary less.
    """
    outcomes = {Tally(1, 0, 0): wins, Tally(0, 1, 0): ties, Tally(0, 0, 1): losses}
    return win_rate_by_prompt(tally for tally, times in outcomes.items() for _ in range(times))


def win_rate_by_prompt(tallies: Iterable[Tally]) -> WinRate:
    """The rate over all comparisons, one tally for each prompt; several judgements of one prompt count for less than
    as many prompts in the interval (Wilson at the effective sample size)."""
    filled = [tally for tally in tallies if tally.n]
    wins, ties, losses = (sum(tally[i] for tally in filled) for i in range(3))
    n = wins + ties + losses
    value: float | None = None
    interval: Interval | None = None
    if len(filled) >= MINIMUM_PROMPTS:
        value = (wins + ties / 2) / n
        interval = clustered_wilson([Cluster(tally.wins + tally.ties / 2, tally.n) for tally in filled])
    return WinRate(
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        n=n,
        prompts=len(filled),
        wins=wins,
        ties=ties,
        losses=losses,
    )

"""How long people take. Standard library only: the web process loads this."""

from collections.abc import Collection
from dataclasses import dataclass
from statistics import median

FAST = 1 / 5  # of the median: less is hardly enough to read two answers that others read
MINIMUM_TIMES = 20  # below it a median of so spread-out times says little about what is usual


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The median of `n` times in seconds; None without any. Nobody is called fast on fewer than `MINIMUM_TIMES`."""

    median: float | None
    n: int

    @property
    def enough(self) -> bool:
        return self.n >= MINIMUM_TIMES

    @property
    def threshold(self) -> float | None:
        return self.median * FAST if self.median is not None and self.enough else None

    def is_fast(self, seconds: float | None) -> bool:
        """Whether the time is below `FAST` of the median; never where either is unknown."""
        return self.threshold is not None and seconds is not None and seconds < self.threshold

    def fast_among(self, times: Collection[float]) -> int:
        return sum(map(self.is_fast, times))


def pace(times: Collection[float]) -> Pace:
    """Times are taken as they are: a tab left open makes a long one, which a median bears."""
    return Pace(median=median(times) if times else None, n=len(times))

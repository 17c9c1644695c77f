"""A number about people or models never stands alone: its interval and what it was counted from go with it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """`value` with its 95 % interval, over `n` of `what` ("pairs", "items", "judgements", …), of which `groups`
    independent ones (tasks, items) made the interval. Where there is too little, or a fit did not converge, `value`
    is None and `missing` says so in one sentence; or a median stands without its interval and `missing` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    groups: int | None = None
    what: str = "pairs"
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def not_enough(*, n: int, needed: int, what: str) -> Figure:
    return Figure(value=None, n=n, what=what, missing=f"not enough: {n} of the {needed} {what} that a number needs")

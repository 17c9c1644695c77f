"""What static/js/quality.js draws, as rows that stand in a table under each plot as well."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

INTERVAL = ("value", "low", "high", "n")
MOST_DAYS, MOST_WEEKS = 60, 420  # days of work that are shown by day, by week; longer ones by month
MOST_BARS = 20  # lines with intervals that one plot holds


@dataclass(frozen=True, kw_only=True)
class Plot:
    """`kind` names the drawing: "course" over time, "counts" a bar each, "intervals" a line each, "hours". `of`: how
    many rows there were where the plot holds only the first of them."""

    kind: str
    columns: Sequence[str]
    rows: list[dict[str, Any]]
    percent: bool = True
    of: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "columns": list(self.columns), "rows": self.rows, "percent": self.percent}


def intervals(named: Iterable[tuple[str, Any]], *, percent: bool = True) -> Plot:
    """A line each for the figures that have a number."""
    rows = [
        {"name": name, **{key: figure.get(key) for key in INTERVAL}} for name, figure in named if _is_known(figure)
    ]
    of = len(rows) if len(rows) > MOST_BARS else None
    return Plot(kind="intervals", columns=("name", *INTERVAL), rows=rows[:MOST_BARS], percent=percent, of=of)


def course(steps: Sequence[Mapping[str, Any]]) -> Plot:
    """A figure over time, from slices with `from` and `to`."""
    rows = [{key: step.get(key) for key in ("from", "to", *INTERVAL)} for step in steps if _is_known(step)]
    return Plot(kind="course", columns=("from", "to", *INTERVAL), rows=rows)


def counts(per_day: Sequence[Mapping[str, Any]]) -> Plot:
    """Judgements by day; by week or month where the work went on for longer."""
    days = [(date.fromisoformat(one["day"]), int(one["n"])) for one in per_day]
    length = (days[-1][0] - days[0][0]).days + 1 if days else 0
    summed: dict[date, int] = {}
    for day, n in days:
        begin = _begin(day, length=length)
        summed[begin] = summed.get(begin, 0) + n
    ends = {begin: _end(begin, length=length) for begin in summed}
    rows = [{"from": begin.isoformat(), "to": ends[begin].isoformat(), "n": n} for begin, n in summed.items()]
    return Plot(kind="counts", columns=("from", "to", "n"), rows=rows, percent=False)


def hours(medians: Sequence[Mapping[str, Any]]) -> Plot:
    """The median time of a judgement by hour of the day."""
    columns = ("hour", "median", "low", "high", "n", "missing")
    rows = [{key: one.get(key) for key in columns} for one in medians if one.get("median") is not None]
    return Plot(kind="hours", columns=columns, rows=rows, percent=False)


def _is_known(figure: Any) -> bool:
    return isinstance(figure, Mapping) and figure.get("value") is not None


def _begin(day: date, *, length: int) -> date:
    if length <= MOST_DAYS:
        return day
    return day - timedelta(days=day.weekday()) if length <= MOST_WEEKS else day.replace(day=1)


def _end(begin: date, *, length: int) -> date:
    """The first day after."""
    if length <= MOST_DAYS:
        return begin + timedelta(days=1)
    if length <= MOST_WEEKS:
        return begin + timedelta(days=7)
    return (begin + timedelta(days=32)).replace(day=1)

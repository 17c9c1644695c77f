"""N annotators in one process, each taking a task and submitting it, again and again: a closed loop."""

import http.client
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.bench.connections import Refused
from tests.bench.machine import Meter

TROUBLE = (Refused, http.client.HTTPException, OSError)
PATIENCE = 20  # errors after which an annotator gives up
QUANTILES = (50, 95, 99)
# Many threads that mostly wait: whoever has an answer should not wait five milliseconds for the interpreter.
SWITCH_SECONDS = 0.0005


class Desk(Protocol):
    """One annotator at one server. What comes before the first task, such as signing in, is not timed."""

    def arrive(self) -> None: ...

    @property
    def is_ready(self) -> bool:
        """The next task lies here already: `next` will ask nobody."""

    def next(self) -> bool:
        """Have a task, fetched where none lies ready; False when nothing waits."""

    def submit(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Tally:
    """What one annotator saw, in seconds; of `next` only what was asked for."""

    next: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    sample: str = ""
    ran_dry: bool = False
    ended: float = 0


@dataclass(kw_only=True)
class Limit:
    """Enough pairs, or enough seconds."""

    pairs: int
    seconds: float
    started: float = 0
    taken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def another(self) -> bool:
        with self.lock:
            self.taken += 1
            return self.taken <= self.pairs and time.perf_counter() < self.started + self.seconds


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds, interpolated between the two nearest ranks."""
    ordered = sorted(seconds)
    found = {}
    for quantile in QUANTILES if ordered else ():
        place = (len(ordered) - 1) * quantile / 100
        low = ordered[int(place)]
        high = ordered[min(int(place) + 1, len(ordered) - 1)]
        found[f"p{quantile}"] = round((low + (high - low) * (place % 1)) * 1000, 1)
    return found


def work(desk: Desk, tally: Tally, *, limit: Limit, think: float, start: threading.Barrier, delay: float) -> None:
    start.wait()
    time.sleep(delay)
    while limit.another() and sum(tally.errors.values()) < PATIENCE:
        step = "next"
        try:
            was_ready, asked = desk.is_ready, time.perf_counter()
            if not desk.next():
                tally.ran_dry = True
                return
            given = time.perf_counter()
            time.sleep(think)
            step, sent = "submit", time.perf_counter()
            desk.submit()
        except TROUBLE as error:
            tally.errors[f"{step}: {type(error).__name__}"] += 1
            tally.sample = str(error)
            continue
        tally.ended = time.perf_counter()
        tally.next += [] if was_ready else [given - asked]
        tally.submit.append(tally.ended - sent)


def run(desks: Sequence[Desk], *, pairs: int, seconds: float, meter: Meter, think: float = 0) -> dict[str, object]:
    """Everyone works until there are `pairs`, or `seconds` have gone by. With `think` they begin one after another
    within their first pause: people do not click in step."""
    for desk in desks:
        desk.arrive()
    sys.setswitchinterval(SWITCH_SECONDS)
    tallies, limit = [Tally() for _ in desks], Limit(pairs=pairs, seconds=seconds)
    start, chance = threading.Barrier(len(desks) + 1), random.Random(len(desks))
    crowd = [
        threading.Thread(
            target=work,
            args=(desk, tally),
            kwargs={"limit": limit, "think": think, "start": start, "delay": chance.uniform(0, think)},
        )
        for desk, tally in zip(desks, tallies, strict=True)
    ]
    for thread in crowd:
        thread.start()
    meter.start()
    limit.started = time.perf_counter()
    start.wait()
    for thread in crowd:
        while thread.is_alive():
            meter.look()
            thread.join(timeout=0.5)
    used = meter.stop(pairs=sum(len(tally.submit) for tally in tallies))
    for desk in desks:
        desk.close()
    return {"n": len(desks), "think": think, **told(tallies, started=limit.started), **used}


def told(tallies: Sequence[Tally], *, started: float) -> dict[str, object]:
    done = sum(len(tally.submit) for tally in tallies)
    wall = max((tally.ended for tally in tallies), default=0) - started
    return {
        "pairs": done,
        "seconds": round(wall, 2),
        "pairs_a_second": round(done / wall, 1) if done else 0,
        "asked": sum(len(tally.next) for tally in tallies),
        "next": percentiles([second for tally in tallies for second in tally.next]),
        "submit": percentiles([second for tally in tallies for second in tally.submit]),
        "errors": dict(sum((tally.errors for tally in tallies), Counter())),
        "error_sample": next((tally.sample for tally in tallies if tally.sample), ""),
        "ran_dry": any(tally.ran_dry for tally in tallies),
    }


def median_of(runs: Sequence[dict[str, object]]) -> dict[str, object]:
    """The middle of each measure; pairs, requests, errors and what must be zero added up."""
    middle: dict[str, object] = {**runs[0], "repeats": len(runs)}
    for name, value in runs[0].items():
        values = [one[name] for one in runs]
        if name in ("next", "submit"):
            seen = [one for one in values if one]
            middle[name] = {key: statistics.median(one[key] for one in seen) for key in (seen or [{}])[0]}
        elif name in ("pairs", "asked", "done_twice", "over_filled", "lost"):
            middle[name] = sum(values)
        elif name == "errors":
            middle[name] = dict(sum(map(Counter, values), Counter()))
        elif name == "error_sample":
            middle[name] = next((one for one in values if one), "")
        elif name == "ran_dry":
            middle[name] = any(values)
        elif isinstance(value, float):
            middle[name] = round(statistics.median(values), 2)
    return middle

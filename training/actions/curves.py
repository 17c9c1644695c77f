"""metrics.jsonl as curves for a page: a bounded look at a file that may be of any size and is still being written."""

import json
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, TypeGuard

MOST = 500  # points; more than a plot has pixels for
SMALL = 1_000_000  # bytes that are read whole; of a larger file as many are looked at
LONGEST = 16_384  # bytes of a line
NAMES = 48  # numbers of a point
MEASURED = "held_out"  # a line may have its measurements on held-out prompts under this name
UNDRAWN = ("n", "step", "score_std", "gold_std")  # of these
TRIES = 3  # lines that are no points, one after the other
ENDS = 2  # points

Point = dict[str, float]


def read(path: Path, *, after: int = -1, most: int = MOST) -> list[Point]:
    """At most `most` points of later steps than `after`, thinned, with the first and the last of them.

    Each has its `step` and whatever finite numbers the lines of that step have. A step may get another line later:
    who asks again asks with the step before the last. No file, or no readable one: no points.
    """
    try:
        file = path.open("rb")
    except OSError:
        return []
    with file:
        size = os.fstat(file.fileno()).st_size
        start = offset_after(file, size=size, step=after)
        found = (
            whole(file, start=start) if size - start <= SMALL else sampled(file, start=start, size=size, most=most)
        )
        return thinned([point for point in merged(found) if point["step"] > after], most=most)


def of_report(records: object, *, after: int = -1) -> list[Point]:
    """The points that a report has kept, for where its run's directory is not."""
    found = [point for one in records if (point := point_of(one))] if isinstance(records, list) else []
    return thinned([point for point in merged(found) if point["step"] > after], most=MOST)


def offset_after(file: BinaryIO, *, size: int, step: int) -> int:
    """The smallest offset behind which only later steps stand. Steps rise, so it is found by halving."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        point = next_point(file, middle)
        if point and point["step"] <= step:
            low = middle + 1
        else:
            high = middle
    return low


def whole(file: BinaryIO, *, start: int) -> Iterator[Point]:
    go_to_line(file, start)
    for line in file.read(2 * SMALL).splitlines(keepends=True):
        if point := parsed(line):
            yield point


def sampled(file: BinaryIO, *, start: int, size: int, most: int) -> Iterator[Point]:
    """The lines in a stretch behind each of `most` places of the file, and the last step."""
    for index in range(most):
        yield from stretch(file, start=start + (size - start) * index // most, length=SMALL // most)
    yield from list(merged(whole(file, start=max(start, size - LONGEST))))[-1:]


def stretch(file: BinaryIO, *, start: int, length: int) -> Iterator[Point]:
    """The lines that begin in it; the next one, if none does."""
    if point := next_point(file, start):
        yield point
    while file.tell() < start + length and (line := file.readline(LONGEST)):
        if point := parsed(line):
            yield point


def merged(points: Iterable[Point]) -> Iterator[Point]:
    """One point of neighbours of one step: what is measured after a step has a line of its own."""
    for _, lines in groupby(points, key=itemgetter("step")):
        yield limited({name: value for line in lines for name, value in line.items()})


def thinned(points: Sequence[Point], *, most: int) -> list[Point]:
    """Evenly spread, with both ends; but of each curve of few points as many as its share of `most` allows."""
    if len(points) <= most:
        return list(points)
    kept: set[int] = set()
    few = seldom(points)
    for number, places in enumerate(few):
        share = (most - ENDS - len(kept)) // (len(few) - number + 1)
        kept.update(spread(places, most=share))
    kept.update(spread(range(len(points)), most=most - len(kept)))
    return [points[place] for place in sorted(kept)]


def seldom(points: Sequence[Point]) -> list[tuple[int, ...]]:
    """The places of what at most half of the points have, the rarest first; names that go together are one."""
    places = defaultdict(list)
    for place, point in enumerate(points):
        for name in point:
            places[name].append(place)
    return sorted({tuple(found) for found in places.values() if 2 * len(found) <= len(points)}, key=len)


def spread(places: Sequence[int], *, most: int) -> list[int]:
    if len(places) <= most:
        return list(places)
    return [places[index * (len(places) - 1) // max(1, most - 1)] for index in range(most)]


def next_point(file: BinaryIO, offset: int) -> Point | None:
    """The first line that begins at `offset` or behind it."""
    go_to_line(file, offset)
    for _ in range(TRIES):
        if point := parsed(file.readline(LONGEST)):
            return point
    return None


def go_to_line(file: BinaryIO, offset: int) -> None:
    file.seek(max(0, offset - 1))
    if offset:
        file.readline(LONGEST)


def parsed(line: bytes) -> Point | None:
    """None for what is no whole line of numbers with a step."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return point_of(record)


def point_of(record: object) -> Point | None:
    if not isinstance(record, dict):
        return None
    numbers = {str(name): float(value) for name, value in flat(record).items() if is_number(value)}
    return limited(numbers) if "step" in numbers else None


def flat(record: dict[str, object]) -> dict[str, object]:
    """With what was measured on held-out prompts as `held_out_…` beside the rest."""
    measured = record.get(MEASURED)
    if not isinstance(measured, dict):
        return record
    return record | {f"{MEASURED}_{name}": value for name, value in measured.items() if name not in UNDRAWN}


def limited(point: Point) -> Point:
    return dict(list({"step": point["step"], **point}.items())[:NAMES])


def is_number(value: object) -> TypeGuard[int | float]:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value)
    )


def names(points: Sequence[Point]) -> list[str]:
    """What there are curves of, in the order in which it appeared."""
    found = dict.fromkeys(name for point in points for name in point)
    return [name for name in found if name not in ("step", "steps")]

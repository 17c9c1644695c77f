"""metrics.jsonl as curves for a page: a bounded look at a file that may be of any size and is still being written."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

MOST = 500  # points; more than a plot has pixels for
SMALL = 1_000_000  # bytes that are read whole; of more a sample of lines is
LONGEST = 16_384  # bytes of a line
NAMES = 24  # numbers of a line
TRIES = 3  # lines that are no points, one after the other

Point = dict[str, float]


def read(path: Path, *, after: int = -1, most: int = MOST) -> list[Point]:
    """At most `most` points of later steps than `after`, spread evenly, with the first and the last of them.

    Each has its `step` and whatever finite numbers its line has. No file, or no readable one: no points.
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
        return thinned([point for point in found if point["step"] > after], most=most)


def of_report(records: object, *, after: int = -1) -> list[Point]:
    """The points that a report has kept, for where its run's directory is not."""
    found = [point_of(one) for one in records] if isinstance(records, list) else []
    return thinned([point for point in found if point and point["step"] > after], most=MOST)


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
    """The line at each of `most` places of the file, and the last one."""
    places = [start + (size - start) * index // most for index in range(most)]
    yield from unrepeated(point for place in places if (point := next_point(file, place)))
    yield from list(whole(file, start=max(start, size - LONGEST)))[-1:]


def unrepeated(points: Iterator[Point]) -> Iterator[Point]:
    last = -1.0
    for point in points:
        if point["step"] > last:
            last = point["step"]
            yield point


def thinned(points: Sequence[Point], *, most: int) -> list[Point]:
    """Evenly spread, with both ends."""
    if len(points) <= most:
        return list(points)
    return [points[index * (len(points) - 1) // (most - 1)] for index in range(most)]


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
    numbers = {str(name): float(value) for name, value in record.items() if is_number(value)}
    return dict(list(numbers.items())[:NAMES]) if "step" in numbers else None


def is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value)
    )


def names(points: Sequence[Point]) -> list[str]:
    """What there are curves of, in the order in which it appeared."""
    found = dict.fromkeys(name for point in points for name in point)
    return [name for name in found if name not in ("step", "steps")]

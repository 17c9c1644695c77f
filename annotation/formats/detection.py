"""Which format a file is in, by its name or by its first records; and its records as rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from annotation.exceptions import InvalidRow, UnreadableFile
from annotation.formats import alpaca, hh, label_studio, mapping_file, messages, native, sharegpt, trl, values
from annotation.formats.record import Record
from annotation.formats.rows import Row

SAMPLE = 20


@dataclass(frozen=True, kw_only=True)
class Format:
    """`parts`: the rows of a record, where that may hold several. `together`: its rows of one key are one row."""

    name: str
    read: Callable[[dict[str, Any]], Row]
    matches: Callable[[dict[str, Any]], bool]
    parts: Callable[[dict[str, Any]], Iterable[dict[str, Any]]] | None = None
    together: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A record as the row that it is, or the reason why it is none."""

    record: Record
    row: Row | None = None
    reason: str = ""


# Where two formats fit equally well, the earlier one is meant.
FORMATS = (
    Format(name="hh", read=hh.read, matches=hh.matches),
    Format(name="trl", read=trl.read, matches=trl.matches),
    Format(name="sharegpt", read=sharegpt.read, matches=sharegpt.matches),
    Format(name="messages", read=messages.read, matches=messages.matches),
    Format(name="label_studio", read=label_studio.read, matches=label_studio.matches),
    Format(name="alpaca", read=alpaca.read, matches=alpaca.matches),
    Format(name="native", read=native.read, matches=native.matches),
)
TABLE = Format(name="native", read=native.read_table, matches=native.matches_table)
NAMES = ("auto", *(fmt.name for fmt in FORMATS), "mapping")


def readings(
    records: Iterable[Record], *, path: Path, name: str = "auto", mapping: Path | None = None
) -> tuple[str, Iterator[Reading]]:
    """The name of the format, and the rows as they are read.

    Raises:
        UnreadableFile: no format fits, the mapping is no mapping, or no record of the sample is even JSON.
    """
    stream = iter(records)
    sample = list(islice(stream, SAMPLE))
    refuse_hopeless(sample, path)
    chosen = format_of(sample, path=path, name=name, mapping=mapping)
    found = (item for record in chain(sample, stream) for item in readings_of(record, chosen))
    return chosen.name, joined(found) if chosen.together else found


def refuse_hopeless(sample: Sequence[Record], path: Path) -> None:
    if not sample:
        raise UnreadableFile(f"{path.name} holds no records.")
    if all(record.problem for record in sample):
        first = sample[0]
        raise UnreadableFile(f"{path.name} is not what its name says: line {first.number} is {first.problem}.")


def format_of(sample: Sequence[Record], *, path: Path, name: str, mapping: Path | None) -> Format:
    if mapping is not None:
        if name not in ("auto", "mapping"):
            raise UnreadableFile(f"--mapping and --format {name} exclude each other.")
        chosen = mapping_file.load(mapping)
        return Format(
            name="mapping",
            read=chosen.read,
            matches=lambda record: True,
            parts=chosen.parts,
            together=chosen.together,
        )
    if name == "mapping":
        raise UnreadableFile("--format mapping needs --mapping FILE; docs/importing.md says how to write one.")
    is_table = path.name.lower().removesuffix(".gz").endswith(".csv")
    formats = (*FORMATS[:-1], TABLE) if is_table else FORMATS
    if name == "auto":
        return detected(formats, [record.value for record in sample if isinstance(record.value, dict)], path)
    return next(fmt for fmt in formats if fmt.name == name)


def detected(formats: Sequence[Format], sample: Sequence[dict[str, Any]], path: Path) -> Format:
    best = max(formats, key=lambda fmt: sum(fmt.matches(record) for record in sample))
    if any(best.matches(record) for record in sample):
        return best
    fields = ", ".join(values.shortened(name) for name in islice(sample[0], 8)) if sample else "no fields"
    raise UnreadableFile(
        f"Cannot tell the format of {path.name}: its first record has {fields}. Name one with --format, or say "
        "with --mapping where its fields are (docs/importing.md)."
    )


def readings_of(record: Record, fmt: Format) -> Iterator[Reading]:
    if fmt.parts is None or record.problem or not isinstance(record.value, dict):
        yield reading(record, fmt)
        return
    for part in fmt.parts(record.value):
        yield reading(replace(record, value=part), fmt)


def joined(found: Iterable[Reading]) -> Iterator[Reading]:
    """Bad ones as they come; then, of each key, one row with the judgements of all. Until then all are in memory."""
    first: dict[str, Reading] = {}
    for item in found:
        if item.row is None:
            yield item
        elif (before := first.setdefault(item.row.key, item)) is not item and before.row:
            before.row.judgements.extend(item.row.judgements)
    yield from first.values()


def reading(record: Record, fmt: Format) -> Reading:
    if record.problem:
        return Reading(record=record, reason=record.problem)
    try:
        return Reading(record=record, row=fmt.read(values.expect(record.value, dict, "the row")))
    except InvalidRow as error:
        return Reading(record=record, reason=str(error))
    except RecursionError:
        return Reading(record=record, reason="nested too deep")

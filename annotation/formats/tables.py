"""CSV, row by row, as JSON-like records."""

import csv
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from annotation.exceptions import UnreadableFile
from annotation.formats.columns import is_numbered_answer
from annotation.formats.record import Binary, Record, as_text

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

LONGEST_CELL = 64 * 2**20


def csv_records(content: Binary, name: str) -> Iterator[Record]:
    """One record a row, named by the header. A cell that begins with [ or { is JSON where it can be, unless its
    column holds answers; an empty cell is a field that is not there."""
    csv.field_size_limit(LONGEST_CELL)
    with as_text(content, newline="") as text:
        lines = numbered_rows(csv.reader(text, strict=True), name)
        _, first = next(lines, (1, []))
        header = checked_header(first, name)
        for line, cells in lines:
            if cells:
                yield csv_record(header, cells, line)


def numbered_rows(rows: "CsvReader", name: str) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise UnreadableFile(f"{name} is not CSV from line {line} on: {error}.") from None
        if cells is None:
            return
        yield line, cells


def checked_header(cells: list[str], name: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    if len(set(header)) != len(header):
        raise UnreadableFile(f"{name}: two columns have the same name; a CSV file needs a header of distinct names.")
    return header


def csv_record(header: list[str], cells: list[str], line: int) -> Record:
    if len(cells) != len(header):
        return Record(number=line, value=cells, problem=f"{len(cells)} cells under {len(header)} columns")
    return Record(number=line, value={k: cell_value(v, k) for k, v in zip(header, cells, strict=True) if v})


def cell_value(cell: str, column: str) -> Any:
    if cell[0] in "[{" and not is_numbered_answer(column):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell

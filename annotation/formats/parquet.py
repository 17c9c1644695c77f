"""Parquet, row by row, as JSON-like records. Apart, so that Arrow is loaded only where such a file is read."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pyarrow
from pyarrow import parquet

from annotation.exceptions import UnreadableFile
from annotation.formats.limits import Limits, too_long
from annotation.formats.record import Binary, Record

PARQUET_BATCH = 32  # a value may stand once in the file and be as large in every row


def parquet_records(content: Binary, name: str, *, limits: Limits | None = None) -> Iterator[Record]:
    """One record a row. What Arrow fills with null is a field that is not there."""
    number = 0
    try:
        file = parquet.ParquetFile(content, pre_buffer=False)
        for batch in bounded(file, name=name, limits=limits):
            for value in batch.to_pylist():
                number += 1
                yield Record(number=number, value=present(value))
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableFile(f"{name} is damaged Parquet: {str(error).splitlines()[0]}") from None


def bounded(file: parquet.ParquetFile, *, name: str, limits: Limits | None) -> Iterator[pyarrow.RecordBatch]:
    """The batches, until they hold more than the limits allow; Parquet packs what it holds, too."""
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    if limits and sum(group.total_byte_size for group in groups) > limits.size:
        raise too_long(name)
    size = 0
    for batch in file.iter_batches(batch_size=PARQUET_BATCH):
        size += batch.nbytes
        if limits and size > limits.size:
            raise too_long(name)
        yield batch


def present(value: Any) -> Any:
    """The value without nulls in its objects, with times as ISO 8601."""
    if isinstance(value, dict):
        return {key: present(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [present(item) for item in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value

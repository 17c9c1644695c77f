"""One comparison a row, for spreadsheets and data frames."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from annotation.formats.hashing import content_hash
from annotation.formats.manifest import Manifest
from annotation.formats.release_rows import Record, pairs_of
from annotation.formats.rows import Message
from annotation.formats.views.view import LeftOut, View

COLUMNS = (
    "row",
    "split",
    "purpose",
    "prompt",
    "chosen",
    "rejected",
    "tie",
    "strength",
    "chosen_policy",
    "rejected_policy",
    "judgement",
    "annotator",
    "source",
    "guideline",
    "seconds",
    "at",
)
# A spreadsheet runs a cell that starts like this; answers are strangers' text.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def lines(records: Iterable[Record], _manifest: Manifest, _left_out: LeftOut) -> Iterator[str]:
    for record in records:
        prompt = conversation(record["prompt"])
        for judgement in record["judgements"]:
            for better, worse, tie in pairs_of(judgement["ranking"]):
                chosen, rejected = record["responses"][better], record["responses"][worse]
                if tie:
                    chosen, rejected = sorted((chosen, rejected), key=lambda response: content_hash(response["text"]))
                yield csv_line(
                    (
                        record["key"],
                        record["split"],
                        record["purpose"],
                        prompt,
                        chosen["text"],
                        rejected["text"],
                        int(tie),
                        "" if tie else judgement["strength"],
                        chosen["policy"],
                        rejected["policy"],
                        judgement["uid"],
                        judgement["annotator"],
                        judgement["source"],
                        judgement["guideline"],
                        judgement["seconds"],
                        judgement["at"],
                    )
                )


def conversation(messages: Sequence[Message]) -> str:
    """One message as it is, several with their roles."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role']}: {message['content']}" for message in messages)


def csv_line(values: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([harmless(value) for value in values])
    return buffer.getvalue()


def harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


CSV = View(
    "csv",
    ".csv",
    "one comparison a row; a text that a spreadsheet would run as a formula gets an apostrophe in front",
    lines,
    needs="a comparison",
    header=csv_line(COLUMNS),
)

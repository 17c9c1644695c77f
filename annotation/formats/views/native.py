"""The release as interchange rows: importing them into an empty project and exporting again gives the same hash."""

from collections.abc import Iterable, Iterator, Mapping

from annotation.formats.manifest import Manifest
from annotation.formats.release_rows import Record, canonical_line
from annotation.formats.row_judgements import RowJudgement
from annotation.formats.rows import Row, RowResponse, dump
from annotation.formats.views.view import LeftOut, View, json_line

# Of a row, and of a judgement: what can be made again of the rest, or stands elsewhere.
APART, DERIVED = {"key", "split", "consensus"}, {"uid", "weight"}


def native_lines(records: Iterable[Record], manifest: Manifest, _left_out: LeftOut) -> Iterator[str]:
    for record in records:
        yield json_line(dump(row_of(record, kinds=manifest["policies"])))


def row_of(record: Record, *, kinds: Mapping[str, str]) -> Row:
    """The key stands as the id, so that the row is the same row wherever it is read. The kind of a policy stands in
    the manifest alone: it is a fact about the policy, not about what was said of its answers."""
    kept = {name: value for name, value in record.items() if name not in APART}
    kept["responses"] = [RowResponse(**response, kind=kinds[response["policy"]]) for response in record["responses"]]
    kept["judgements"] = [
        RowJudgement(**{name: value for name, value in judgement.items() if name not in DERIVED})
        for judgement in record["judgements"]
    ]
    return Row(id=record["key"], **kept)


def ranking_lines(records: Iterable[Record], _manifest: Manifest, _left_out: LeftOut) -> Iterator[str]:
    return map(canonical_line, records)


NATIVE = View(
    "native", ".jsonl", "interchange rows, lossless; `import_data` reads them", native_lines, needs="a judged row"
)
RANKINGS = View(
    "rankings",
    ".jsonl",
    "the rows of rankings.parquet as canonical JSON lines: the SHA-256 of this file is the release's hash",
    ranking_lines,
    needs="a judged row",
)

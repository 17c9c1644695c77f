"""Files as records: every kind is streamed, and a file that is not what its name says is refused in one sentence."""

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from annotation.exceptions import UnreadableFile
from annotation.formats import json_text
from annotation.formats.records import open_records

ROWS = [{"prompt": f"Question {n}?", "responses": [f"ä {n}", "</script>"]} for n in range(7)]


def read(path: Path):
    with open_records(path) as file:
        records = list(file.records())
        assert path.name.endswith((".parquet", ".parquet.gz")) or file.position == file.size
    return records


def written(path: Path, content: bytes | str) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def parquet_bytes(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue()


def csv_text(rows: list[dict[str, object]]) -> str:
    sink = io.StringIO()
    writer = csv.DictWriter(sink, fieldnames=rows[0])
    writer.writeheader()
    writer.writerows({name: json.dumps(v) if isinstance(v, list) else v for name, v in row.items()} for row in rows)
    return sink.getvalue()


CONTENTS = {
    ".jsonl": "\n".join(json.dumps(row) for row in ROWS),
    ".json": json.dumps(ROWS, indent=2),
    ".csv": csv_text(ROWS),
    ".parquet": parquet_bytes(ROWS),
}


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("suffix", CONTENTS)
def test_every_kind_of_file_gives_the_same_records(tmp_path, suffix, packed):
    path = written(tmp_path / f"rows{suffix}{packed}", CONTENTS[suffix])
    assert [record.value for record in read(path)] == ROWS


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_byte_order_mark_is_no_content(tmp_path, suffix):
    path = written(tmp_path / f"rows{suffix}", b"\xef\xbb\xbf" + CONTENTS[suffix].encode())
    assert [record.value for record in read(path)] == ROWS


def test_records_carry_the_line_they_begin_on(tmp_path):
    lines = written(tmp_path / "a.jsonl", '{"a": 1}\n\n{"a": 2}\n')
    array = written(tmp_path / "a.json", '[\n  {"a":\n 1},\n  {"a": 2}\n]\n')
    table = written(tmp_path / "a.csv", 'a,b\n"two\nlines",1\nx,2\n')
    assert [record.number for record in read(lines)] == [1, 3]
    assert [record.number for record in read(array)] == [2, 4]
    assert [record.number for record in read(table)] == [2, 4]


def test_bad_lines_do_not_stop_the_good_ones(tmp_path):
    deep = "[" * 100_000
    path = written(tmp_path / "a.jsonl", b'{"a": 1}\n{"a": \n\xff\xfe\n' + deep.encode() + b'\n{"a": 2}\n')
    problems = [record.problem for record in read(path)]
    assert [problem.split(":")[0] for problem in problems] == [
        "",
        "not JSON",
        "not UTF-8 text",
        "nested too deep, or a huge number",
        "",
    ]


def test_endless_line_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(json_text, "LONGEST_RECORD", 100)
    path = written(tmp_path / "a.jsonl", '{"a": "' + "x" * 300_000 + '"}\n{"a": 2}\n')
    first, second = read(path)
    assert first.problem.startswith("longer than")
    assert second.value == {"a": 2}


def test_row_with_too_many_cells_is_a_problem_of_that_row(tmp_path):
    path = written(tmp_path / "a.csv", "a,b\n1,2,3\n4,5\n")
    first, second = read(path)
    assert first.problem == "3 cells under 2 columns"
    assert second.value == {"a": "4", "b": "5"}


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none()), max_size=30), st.data())
def test_array_is_read_alike_in_chunks_of_any_size(values, data):
    text = json.dumps(values, indent=data.draw(st.sampled_from([None, 1])))
    chunk = data.draw(st.integers(1, 20))
    scanner = json_text.Scanner(io.StringIO(text), name="x.json")
    original = scanner.fill
    scanner.fill = lambda size=0: original(chunk)  # type: ignore[method-assign]
    assert [record.value for record in json_text.scanned(scanner, "x.json")] == values


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.jsonl.gz", None, "not gzipped, as its name says"),
        ("a.jsonl", gzip.compress(b"{}", mtime=0), "gzipped, which its name does not say"),
        ("a.parquet", b"{}", "not Parquet"),
        ("a.jsonl", CONTENTS[".parquet"], "is Parquet"),
        ("a.parquet", b"PAR1" + b"x" * 100, "damaged Parquet"),
        ("a.jsonl", b"\x89PNG\x00\x00", "binary or UTF-16"),
        ("a.csv", "a,b\n1,2".encode("utf-16"), "binary or UTF-16"),
        ("a.csv", "a,b\né,2".encode("latin-1"), "not UTF-8"),
        ("a.json", '["é"]'.encode("latin-1"), "not UTF-8"),
        ("a.jsonl", b'[{"a": 1}]', "JSON array"),
        ("a.json", b'{"a": 1}\n{"a": 2}', "rename it to end in .jsonl"),
        ("a.json", b"hello", "begins with neither"),
        ("a.json", b'[{"a": 1}, {"a": ', "not whole JSON"),
        ("a.json", b'[{"a": 1} {"a": 2}]', "lacks a comma"),
        ("a.json", b"[" * 100_000, "nested too deep"),
        ("a.csv", b'a,b\n"1,2', "not CSV from line 2"),
        ("a.csv", b"a,a\n1,2", "the same name"),
        ("a.jsonl", b"  \n", "is empty"),
        ("a.txt", b"{}", "cannot tell what it holds"),
    ],
)
def test_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(b'{"a": 1}' if content is None else content)
    with pytest.raises(UnreadableFile, match=sentence):
        read(path)


def test_cut_off_gzip_is_refused(tmp_path):
    path = written(tmp_path / "a.jsonl.gz", "\n".join(json.dumps({"a": n}) for n in range(1000)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableFile, match="cut off or damaged"):
        read(path)


def test_absent_file_and_folder_are_refused(tmp_path):
    with pytest.raises(UnreadableFile, match=r"cannot be read: No such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(UnreadableFile, match="is a folder"):
        read(tmp_path)


def test_a_cell_of_an_answer_is_its_text_even_where_it_looks_like_json(tmp_path):
    path = written(tmp_path / "rows.csv", b'prompt,answer_1,Response B\nList?,"[1, 2]","{""a"": 1}"\n')
    assert [record.value for record in read(path)] == [
        {"prompt": "List?", "answer_1": "[1, 2]", "Response B": '{"a": 1}'}
    ]

"""Conversations from files: three formats in four containers, and every record that is none is counted."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotation.formats.hashing import content_hash, split_of
from training.exceptions import InvalidRelease
from training.ml.data import files
from training.ml.data.fingerprints import fingerprint

MESSAGES = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "And "}, {"type": "text", "text": "then?"}]},
        {"role": "assistant", "content": "Three."},
    ]
}
SHAREGPT = {
    "system": "Be brief.",
    "conversations": [{"from": "human", "value": "Hello?"}, {"from": "gpt", "value": "Hi."}],
}
ALPACA = {"instruction": "Add.", "input": "1 and 2", "output": "3"}
RECORDS: list[dict[str, Any]] = [MESSAGES, SHAREGPT, ALPACA]


def write(path: Path, records: list[Any]) -> Path:
    text = "".join(json.dumps(record) + "\n" for record in records)
    if ".jsonl" not in path.name:
        text = json.dumps(records)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def said(file: files.File) -> list[tuple[list[str], str]]:
    return [([message["content"] for message in row.prompt], row.responses[0].text) for row in file.rows]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz", "a.jsonl.gz"])
def test_three_formats_are_read_from_one_file(tmp_path: Path, name: str) -> None:
    found = files.read(write(tmp_path / name, RECORDS))
    assert said(found) == [
        (["Be kind.", "One?"], "Two."),
        (["Be kind.", "One?", "Two.", "And then?"], "Three."),
        (["Be brief.", "Hello?"], "Hi."),
        (["Add.\n\n1 and 2"], "3"),
    ]
    assert [message["role"] for message in found.rows[1].prompt] == ["system", "user", "assistant", "user"]
    assert (found.conversations, found.bad) == (3, {})
    assert all(row.is_demonstration for row in found.rows)


def test_parquet_is_read_though_each_row_has_every_column(tmp_path: Path) -> None:
    nothing = dict.fromkeys({**SHAREGPT, **ALPACA})
    pq.write_table(pa.Table.from_pylist([nothing | SHAREGPT, nothing | ALPACA]), tmp_path / "a.parquet")
    assert [answer for _, answer in said(files.read(tmp_path / "a.parquet"))] == ["Hi.", "3"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (["no object"], "no JSON object"),
        ({"text": "once upon a time"}, "none of messages, conversations and instruction"),
        ({"messages": "hello"}, "turns that are no list"),
        ({"messages": ["hello"]}, "a turn that is no object"),
        ({"messages": [{"role": "user", "content": "Hello?"}]}, "no answer"),
        ({"messages": [{"role": "assistant", "content": "Hello."}]}, "an answer to nothing"),
        ({"messages": [{"role": "wizard", "content": "Hello."}]}, "a turn of an unknown role"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "a turn without text"),
        ({"instruction": "Add.", "output": None}, "a turn without text"),
        ({"instruction": "Add.", "output": " "}, "an empty answer"),
        ({"instruction": "Add \ud800.", "output": "3"}, "halves of characters"),
    ],
)
def test_what_is_no_conversation_is_counted_with_its_reason(tmp_path: Path, record: Any, reason: str) -> None:
    found = files.read(write(tmp_path / "a.jsonl", [ALPACA, record]))
    assert (found.conversations, found.bad) == (1, {reason: 1})


def test_a_broken_line_costs_no_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [ALPACA])
    path.write_text("{broken\n" + path.read_text() + "\n" + "[" * 100_000 + "\n")
    assert files.read(path).bad == {"no JSON object": 2}


def test_the_split_is_that_of_releases_by_what_was_said_before_the_first_answer(tmp_path: Path) -> None:
    records = [
        {"messages": [{"role": "user", "content": f"Question {n}?"}, *MESSAGES["messages"][2:]]} for n in range(60)
    ]
    found = files.read(write(tmp_path / "a.json", records))
    for n in range(60):
        expected = split_of(content_hash([{"role": "user", "content": f"Question {n}?"}]))
        assert [row.split for row in found.rows[2 * n : 2 * n + 2]] == [expected, expected]
    assert 4 < len(found.of("test")) / 2 < 25


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", b"hello", "expected a name that ends in"),
        ("a.json", b"{}", "expected an array of records"),
        ("a.json", b"[", "cannot be read"),
        ("a.jsonl", b"", "it is empty"),
        ("a.jsonl", b"{}\n", "1 with none of messages, conversations and instruction"),
        ("a.jsonl", b"\xff\xfe\n", "cannot be read"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b"{}\n" * 100, mtime=0)[:-9], "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidRelease, match=sentence) as refused:
        files.read(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_another_file_than_was_planned_with_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", RECORDS)
    planned = fingerprint(path)
    files.read(path, expected_hash=planned)
    write(path, RECORDS[:2])
    with pytest.raises(InvalidRelease, match="has changed since this run was planned"):
        files.read(path, expected_hash=planned)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRelease, match=r"cannot be read \(No such file"):
        fingerprint(tmp_path / "nothing.json")


def test_earlier_turns_of_alpaca_stand_before_its_question(tmp_path: Path) -> None:
    record = {
        "instruction": "And in Celsius?",
        "history": [["At how many F does water boil?", "212"]],
        "response": "100",
    }
    found = files.read(write(tmp_path / "a.jsonl", [record]))
    assert said(found) == [
        (["At how many F does water boil?"], "212"),
        (["At how many F does water boil?", "212", "And in Celsius?"], "100"),
    ]


def test_records_with_tools_are_counted_not_trained_on_as_plain_text(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": "Let me look.", "tool_calls": [{"id": "1"}]}
    records = [ALPACA, SHAREGPT | {"tools": "[{}]"}, {"messages": [{"role": "user", "content": "Hm?"}, call]}]
    assert files.read(write(tmp_path / "a.jsonl", records)).bad == {"calls of tools": 1, "tools": 1}


def test_what_a_release_holds_out_is_not_trained_on_from_a_file(tmp_path: Path) -> None:
    file = files.read(write(tmp_path / "a.jsonl", RECORDS))
    held_out = replace(file.rows[1], split="test")
    training = replace(file, rows=[replace(row, split="train") for row in file.rows])
    apart = files.apart_from(training, [held_out])
    assert [row.responses[0].text for row in apart.rows] == ["Two.", "Hi.", "3"]
    assert apart.bad == {"a prompt that the release holds out": 1}
    assert files.apart_from(training, [replace(held_out, split="train")]) == training

"""The format is told from the first records, or the user hears how to name it."""

from pathlib import Path

import pytest

from annotation.exceptions import UnreadableFile
from annotation.formats import detection
from annotation.formats.record import Record


def detect(*values, path="a.jsonl", **options):
    records = [Record(number=i, value=value) for i, value in enumerate(values, 1)]
    return detection.readings(records, path=Path(path), **options)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"prompt": "?"}, "native"),
        ({"prompt": "?", "responses": [], "tipo": 1}, "native"),
        ({"prompt": "?", "chosen": "a", "rejected": "b"}, "trl"),
        ({"prompt": "?", "completion": "a", "label": True}, "trl"),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}, "hh"),
        ({"instruction": "a", "input": "", "output": "b"}, "alpaca"),
        ({"prompt": "x", "instruction": "a", "input": "", "response": "b", "target": "c"}, "alpaca"),
        ({"conversations": [], "chosen": {}, "rejected": {}}, "sharegpt"),
        ({"messages": []}, "messages"),
        ({"data": {}, "annotations": []}, "label_studio"),
    ],
)
def test_format_is_told_from_the_record(record, name):
    assert detect(record)[0] == name


def test_one_odd_record_does_not_hide_what_the_others_are():
    name, found = detect({"odd": 1}, {"messages": [{"role": "user", "content": "?"}]})
    readings = list(found)
    assert name == "messages"
    assert [bool(reading.reason) for reading in readings] == [True, False]


def test_unknown_shape_names_its_fields_and_the_ways_out():
    with pytest.raises(UnreadableFile, match=r"has 'text', 'mood'.*--format.*--mapping"):
        detect({"text": "a", "mood": "b"})


def test_file_without_one_readable_record_is_not_what_its_name_says():
    records = [Record(number=1, value="hello", problem="not JSON: Expecting value at column 1")]
    with pytest.raises(UnreadableFile, match="not what its name says: line 1 is not JSON"):
        detection.readings(records, path=Path("a.jsonl"))


def test_record_that_is_no_object_is_a_bad_row():
    _, found = detect({"prompt": "?"}, [1])
    assert [reading.reason for reading in found] == ["", "the row: expected an object, found list"]


def test_columns_that_a_row_does_not_know_are_welcome_in_a_table():
    name, found = detect({"prompt": "?", "mood": "b"}, path="a.csv.gz")
    (reading,) = found
    assert name == "native"
    assert reading.row is not None
    assert reading.row.metadata == {"mood": "b"}


def test_mapping_must_be_there_and_alone():
    with pytest.raises(UnreadableFile, match="needs --mapping"):
        detect({}, name="mapping")
    with pytest.raises(UnreadableFile, match="exclude each other"):
        detect({}, name="trl", mapping=Path("x.toml"))

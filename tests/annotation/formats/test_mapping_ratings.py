"""Mapping files for records that hold many rows, many judgements, ratings, or the best and the worst of a few."""

import json

import pytest

from annotation.exceptions import InvalidRow, UnreadableFile
from annotation.formats import mapping_file
from annotation.formats.detection import readings
from annotation.formats.records import open_records

RATED = """
rows = "items"
id = ["set", "key"]
prompt = "asked"
numbers = { No = 0, Yes = 1 }
[[responses]]
text = "said"
[[judgements]]
each = "scores"
ratings = { safety = ["item"] }
"""
BEST_WORST = """
together = true
prompt = { value = "Which is best?" }
[[responses]]
text = "A"
[[responses]]
text = "B"
[[responses]]
text = "C"
[[judgements]]
best = "best"
worst = "worst"
"""


@pytest.fixture
def load(tmp_path):  # type: ignore[no-untyped-def]
    def load(text: str):  # type: ignore[no-untyped-def]
        path = tmp_path / "map.toml"
        path.write_text(text)
        return mapping_file.load(path)

    return load


@pytest.fixture
def rows(tmp_path):  # type: ignore[no-untyped-def]
    """All rows of records in a file under a mapping, and why others are none."""

    def rows(records: object, text: str):  # type: ignore[no-untyped-def]
        (tmp_path / "map.toml").write_text(text)
        (tmp_path / "records.json").write_text(json.dumps(records))
        with open_records(tmp_path / "records.json") as file:
            _, found = readings(file.records(), path=tmp_path / "records.json", mapping=tmp_path / "map.toml")
            return [reading.row or reading.reason for reading in found]

    return rows


def triple(best: str, worst: str, **others: str) -> dict[str, str]:
    return {"A": "a", "B": "b", "C": "c", "best": best, "worst": worst, **others}


def test_each_entry_of_a_list_is_a_row(rows):
    items = [{"asked": "A?", "said": "a", "scores": ["Yes", "No"]}, {"asked": "B?", "said": "b", "scores": ["Yes"]}]

    found = rows({"set": "s", "items": items}, RATED)

    assert [(row.id, row.responses[0].text, len(row.judgements)) for row in found] == [
        ("s\n\n0", "a", 2),
        ("s\n\n1", "b", 1),
    ]


def test_the_entries_of_a_table_have_their_names_as_keys(rows):
    (row,) = rows({"set": "s", "items": {"first": {"asked": "A?", "said": "a", "scores": ["No"]}}}, RATED)

    assert row.id == "s\n\nfirst"


def test_a_record_without_the_list_is_a_row(rows):
    (row,) = rows([{"set": "s", "key": "1", "asked": "A?", "said": "a", "scores": ["No"]}], RATED)

    assert row.id == "s\n\n1"


def test_scores_of_people_without_a_name_are_judgements_that_rate(load):
    row = load(RATED).read({"asked": "A?", "said": "a", "scores": ["Yes", "No", 3, "4.5"]})

    assert [judgement.ratings for judgement in row.judgements] == [
        {"safety": [1.0]},
        {"safety": [0.0]},
        {"safety": [3.0]},
        {"safety": [4.5]},
    ]
    assert {judgement.annotator for judgement in row.judgements} == {None}
    assert all(judgement.ranking == [] for judgement in row.judgements)


def test_absent_ratings_are_no_judgement(load):
    assert load(RATED).read({"asked": "A?", "said": "a", "scores": [None, ""]}).judgements == []


def test_a_text_that_stands_for_no_number_is_refused(load):
    with pytest.raises(InvalidRow, match=r"ratings\.safety: 'Maybe' is no number"):
        load(RATED).read({"asked": "A?", "said": "a", "scores": ["Maybe"]})


def test_ratings_stand_beside_a_ranking(load):
    text = RATED.replace('each = "scores"', 'ranks = ["rank"]').replace('"item"', '"score"')
    (judgement,) = load(text).read({"asked": "A?", "said": "a", "rank": 1, "score": "Yes"}).judgements

    assert (judgement.ranking, judgement.ratings) == ([[0]], {"safety": [1.0]})


@pytest.mark.parametrize(
    ("record", "ranking"),
    [
        (triple("c", "a"), [[2], [1], [0]]),
        (triple("b", "b"), [[0, 1, 2]]),
        (triple("b", "a", C="b"), [[1], [0]]),
        (triple("a", "b", D="d"), [[0], [2], [1]]),
    ],
)
def test_between_best_and_worst_nothing_is_told_apart(load, record, ranking):
    (judgement,) = load(BEST_WORST).read(record).judgements

    assert judgement.ranking == ranking


def test_four_answers_leave_two_between_best_and_worst(load):
    four = BEST_WORST.replace("[[judgements]]", '[[responses]]\ntext = "D"\n[[judgements]]')
    (judgement,) = load(four).read(triple("d", "a", D="d")).judgements

    assert judgement.ranking == [[3], [1, 2], [0]]


def test_the_best_must_be_one_of_the_responses(load):
    with pytest.raises(InvalidRow, match="'x' is no response"):
        load(BEST_WORST).read(triple("x", "a"))


def test_equal_records_together_are_one_row_of_several_judgements(rows):
    found = rows([triple("a", "b"), triple("a", "b", C="other"), triple("c", "b"), triple("a", "b")], BEST_WORST)

    assert [[judgement.ranking for judgement in row.judgements] for row in found] == [
        [[[0], [2], [1]], [[2], [0], [1]], [[0], [2], [1]]],
        [[[0], [2], [1]]],
    ]


def test_a_bad_record_among_those_put_together_is_told_of(rows):
    found = rows([triple("a", "b"), triple("x", "b")], BEST_WORST)

    assert sorted(type(item).__name__ for item in found) == ["Row", "str"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BEST_WORST.replace('worst = "worst"', ""), "best in .* goes with worst"),
        (BEST_WORST.replace("true", '"yes"'), "together is true or false"),
        (RATED.replace('["item"]', '"item"'), "ratings in .* is a table"),
        (RATED.replace("ratings = ", "rates = "), "'rates' in .* is none of"),
        (RATED.replace('"scores"', "3"), "each in .* is a plain path"),
        (RATED.replace("No = 0", 'No = "0"'), "numbers is a table"),
        (RATED.replace('ratings = { safety = ["item"] }', ""), "exactly one of .*, or ratings alone"),
        (RATED.replace('rows = "items"', "rows = 1"), "rows is a plain path"),
    ],
)
def test_a_mapping_that_is_none_is_refused(load, text, sentence):
    with pytest.raises(UnreadableFile, match=sentence):
        load(text)

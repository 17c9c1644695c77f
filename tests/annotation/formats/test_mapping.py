"""A mapping file says where the fields of a row stand in a foreign record."""

import pytest

from annotation.exceptions import InvalidRow, UnreadableFile
from annotation.formats import mapping_file

PAIR = """
prompt = ["task.text", "extra"]
id = "no"
tags = ["app", { value = "imported" }]
metadata = ["source.page"]
texts = { true = "True" }
[[responses]]
text = "answers.0"
policy = { path = "models", pattern = "^(.+)/" }
[[responses]]
text = "answers.1"
[[judgements]]
annotator = "who"
choice = "better"
choices = { 0 = [[0, 1]], 1 = [[0], [1]] }
reason = "why"
seconds = "time"
"""
RECORD = {
    "no": 7,
    "task": {"text": "A?"},
    "extra": "",
    "app": "mail",
    "source": {"page": 3},
    "answers": ["yes", True],
    "models": "gpt/llama",
    "who": "w1",
    "better": 1,
    "why": "right",
    "time": "2.5",
}


@pytest.fixture
def load(tmp_path):
    def load(text: str):
        path = tmp_path / "map.toml"
        path.write_text(text)
        return mapping_file.load(path)

    return load


def test_fields_are_fetched_from_their_paths(load):
    row = load(PAIR).read(RECORD)
    assert row.prompt == [{"role": "user", "content": "A?"}]
    assert [(item.text, item.policy) for item in row.responses] == [("yes", "gpt"), ("True", "unknown")]
    assert (row.id, row.tags, row.metadata) == ("7", ["mail", "imported"], {"source.page": 3})
    (judgement,) = row.judgements
    assert (judgement.annotator, judgement.ranking, judgement.seconds) == ("w1", [[0], [1]], 2.5)


def test_two_parts_of_a_prompt_stand_below_each_other(load):
    assert load(PAIR).read({**RECORD, "extra": "B"}).prompt[0]["content"] == "A?\n\nB"


def test_absent_choice_is_no_judgement(load):
    assert load(PAIR).read({**RECORD, "better": None}).judgements == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"answers": ["yes", False]}, "False is no text; say in `texts`"),
        ({"better": 3}, "3 is none of the choices 0, 1"),
        ({"better": {}}, "expected a number"),
        ({"time": "long"}, "'long' is no number"),
        ({"models": "gpt"}, "does not fit the pattern"),
        ({"answers": "yes"}, "the same text"),
    ],
)
def test_record_that_does_not_fit_is_refused(load, change, sentence):
    with pytest.raises(InvalidRow, match=sentence):
        load(PAIR).read({**RECORD, **change})


@pytest.mark.parametrize(
    ("line", "ranking"),
    [
        ('ranks = ["r.a", "r.b", "r.c"]', [[1], [0, 2]]),
        ('scores = ["r.a", "r.b", "r.c"]', [[0, 2], [1]]),
        ('ranks = ["r.a", "r.x", "r.b"]', [[2], [0]]),
        ('ranking = "order"', [[2], [0, 1]]),
    ],
)
def test_rankings_from_numbers_and_lists(load, line, ranking):
    text = f'prompt = "p"\n[[responses]]\neach = "outs"\ntext = "t"\npolicy = "m"\n[[judgements]]\n{line}\n'
    outs = [{"t": "x", "m": "m1"}, {"t": "y"}, {"t": "z"}]
    row = load(text).read({"p": "?", "outs": outs, "r": {"a": 2, "b": "1", "c": 2.0}, "order": [[2], [1, 0]]})
    assert row.judgements[0].ranking == ranking
    assert [item.policy for item in row.responses] == ["m1", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prompt = ", "is not TOML"),
        ("id = 'x'", "prompt is missing"),
        ("prompt = 'p'\nresponse = 1", "'response' in it is none of"),
        ("prompt = 'p'\nresponses = 'r'", r"written as \[\[responses\]\]"),
        ("prompt = 'p'\n[[responses]]\npolicy = 'm'", "lacks text"),
        ("prompt = 'p'\n[[responses]]\ntext = 't'\nkind = 'robot'", "kind in"),
        ("prompt = 'p'\n[[judgements]]\nreason = 'r'", "exactly one of"),
        ("prompt = 'p'\n[[judgements]]\nchoice = 'c'", "goes with choices"),
        ("prompt = 'p'\n[[judgements]]\nranks = 'c'", "list of plain paths"),
        ("prompt = { path = 'p', pattern = '(' }", "prompt is missing, or no path"),
        ("prompt = 'p'\ntexts = { true = 1 }", "texts is a table"),
    ],
)
def test_mapping_that_is_none_is_refused_before_any_row(load, text, sentence):
    with pytest.raises(UnreadableFile, match=sentence):
        load(text)


def test_absent_mapping_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="cannot be read"):
        mapping_file.load(tmp_path / "none.toml")

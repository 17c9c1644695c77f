"""Judgements that are no judgements."""

import pytest

from annotation.exceptions import InvalidRow
from annotation.formats.rows import parse


def row(**judgement):  # type: ignore[no-untyped-def]
    return {"prompt": "q", "responses": [{"text": "a"}, {"text": "b"}], "judgements": [judgement]}


@pytest.mark.parametrize("seconds", [-5, 1e308, 30 * 24 * 3600 + 1])
def test_a_time_that_no_judgement_takes_is_refused(seconds):
    with pytest.raises(InvalidRow, match=r"judgements\[0\]\.seconds"):
        parse(row(ranking=[[0], [1]], seconds=seconds))


def test_a_judgement_that_says_nothing_is_refused():
    with pytest.raises(InvalidRow, match="says nothing"):
        parse(row(ranking=[]))


def test_an_empty_ranking_with_a_flag_says_something():
    assert parse(row(ranking=[], flags=["harmful"])).judgements[0].flags == ["harmful"]

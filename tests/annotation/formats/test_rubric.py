"""A project's criteria: what can be rated by, and what is refused with a sentence."""

import pytest

from annotation.exceptions import InvalidJudgement
from annotation.formats import rubric
from annotation.formats.rubric import Criterion


def test_a_criterion_needs_only_a_name_and_a_scale():
    items = [{"name": " tone ", "scale": 5}, {"name": "length", "scale": 2, "description": "…", "required": False}]

    assert rubric.parse(items) == (
        Criterion(name="tone", scale=5, description="", required=True),
        Criterion(name="length", scale=2, description="…", required=False),
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"name": "tone"}, "expected a list"),
        ([5], "criterion 1: expected an object"),
        ([{"scale": 5}], "criterion 1: name: expected a text"),
        ([{"name": " ", "scale": 5}], "it has no name"),
        ([{"name": "x" * 101, "scale": 5}], "longer than 100"),
        ([{"name": "tone", "scale": True}], "a whole number from 2 to 100"),
        ([{"name": "tone", "scale": 101}], "a whole number from 2 to 100"),
        ([{"name": "tone", "scale": 5, "required": "no"}], "required is true or false"),
        ([{"name": "tone", "scale": 5, "wieght": 2}], "unknown field 'wieght'"),
        ([{"name": "tone", "scale": 5}, {"name": "tone ", "scale": 3}], "the same name"),
        ([{"name": f"c{n}", "scale": 5} for n in range(21)], "nobody can rate by more than 20"),
        ([{"name": "\x00", "scale": 5}], "no database keeps"),
    ],
)
def test_what_is_no_rubric_is_refused_with_a_sentence(value, sentence):
    with pytest.raises(InvalidJudgement, match=sentence):
        rubric.parse(value)

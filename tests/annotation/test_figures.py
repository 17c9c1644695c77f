"""A stored figure in words: rounded, with its interval and its n; too little data as a sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.html import strip_tags
from django.utils.translation import override

from annotation.stats.figures import Figure, not_enough
from annotation.templatetags import figures

ALPHA = Figure(value=0.61, low=0.57, high=0.65, n=1204).as_dict()
SHARE = Figure(value=0.785, low=0.79 - 0.04, high=0.79, n=1, what="tasks").as_dict()

STATISTICS = Path(figures.__file__).parents[1]
FAILURES = {"NothingShared", "OnlyChance", "NotConverged", "NotComparable", "NoFit"}


def reasons() -> Iterator[str]:
    """What stands for a missing number wherever statistics or measuring write one, read from the source: what such
    an error says, what `missing=` and `without_date` are given, and the constants NO…. Where something is filled in
    there is a 14."""
    for path in sorted([*STATISTICS.glob("stats/**/*.py"), *STATISTICS.glob("actions/quality/*.py")]):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            yield from filter(None, map(literal, given(node)))


def given(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.startswith("NO"):
        yield node.value
    if isinstance(node, ast.Call):
        yield from (keyword.value for keyword in node.keywords if keyword.arg in ("missing", "undefined"))
        if isinstance(node.func, ast.Name) and node.func.id in FAILURES | {"without_date"}:
            yield from node.args[:1]


def literal(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "14" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def said(html: str) -> str:
    return strip_tags(html).replace("&nbsp;", " ").replace("\xa0", " ")


def test_a_number_stands_with_interval_and_n():
    assert said(figures.coefficient(ALPHA)) == "0.61 (0.57 to 0.65) n = 1,204 pairs"
    assert said(figures.share(SHARE)) == "78 % (75 to 79 %) n = 1 task"
    assert said(figures.share_in_words(SHARE)) == "78 % (75 to 79 %), n = 1 task"
    assert said(figures.share(SHARE, short=True)) == "78 % (75 to 79 %) n = 1"


def test_a_number_without_an_interval_is_shown_without():
    assert figures.coefficient_in_words({**ALPHA, "low": None}) == "0.61, n\xa0=\xa01,204 pairs"


def test_a_number_leads_to_what_is_behind_it():
    assert '<a href="/x/?a=1&amp;b=2">0.61</a>' in figures.coefficient(ALPHA, "/x/?a=1&b=2")


@pytest.mark.parametrize(
    ("figure", "sentence", "short"),
    [
        (not_enough(n=3, needed=20, what="pairs").as_dict(), "not enough: 3 of 20 pairs", "not enough, n = 3"),
        (not_enough(n=0, needed=5, what="triads").as_dict(), "not enough: 0 of 5 triads", "none"),
        (Figure(value=None, missing="The fit did not settle.").as_dict(), "The fit did not settle.", "none"),
        (None, "not measured", "none"),
        ({}, "not measured", "none"),
    ],
)
def test_where_there_is_no_number_it_says_why(figure, sentence, short):
    assert said(figures.share(figure)) == sentence
    assert said(figures.share(figure, short=True)) == short
    assert not figures.is_known(figure)


@pytest.mark.parametrize("reason", list(reasons()))
def test_every_reason_that_statistics_give_is_one_of_those_that_are_translated(reason):
    known = reason in figures.REASONS or any(pattern.fullmatch(reason) for pattern, _ in figures.PATTERNS)
    assert known or figures.TOO_LITTLE.fullmatch(reason)


def test_numbers_in_a_reason_are_kept():
    reason = "2 of 5 policies were never compared with the others, even through others"
    assert figures.why(reason) == reason
    assert figures.why("dawid-skene still moved by 1.0e-03 after 500 steps") == "the estimate did not settle"


def test_nothing_is_wholly_sure():
    assert [figures.sure(probability) for probability in (0.624, 0.994, 0.9999)] == ["62", "99", "more than 99"]


def test_numbers_follow_the_language():
    with override("de"):
        assert "0,61" in figures.coefficient(ALPHA)
        assert "1.204" in figures.coefficient(ALPHA)


def test_a_word_that_is_not_known_is_shown_as_it_is():
    assert figures.counted(2, "oracles") == "2 oracles"


@pytest.mark.parametrize(("text", "shown"), [("2026-03-11", "11 March 2026"), ("soon", "soon"), (None, "")])
def test_days_are_written_out(text, shown):
    assert figures.day(text) == shown

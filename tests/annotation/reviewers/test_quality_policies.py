"""The leaderboard by whole rankings, a choice in its address."""

import pytest

from tests.annotation.quality_rows import TOO_LITTLE, content, figure, measured
from tests.annotation.reviewers.pages import html_of, text_of

pytestmark = pytest.mark.django_db
ADDRESS = "policies/?model=plackett-luce"


def with_rankings(project, *rows, **whole):  # type: ignore[no-untyped-def]
    found = content()["policies"]
    whole = {"ranked": list(rows), "missing": "", "rankings": 640, "separated": False, **whole}
    measured(project, policies={**found, "rankings": whole})


def row(name: str, strength: float, places: list[int] | None):  # type: ignore[no-untyped-def]
    return {"name": name, "strength": figure(strength, n=640, spread=0.1, what="rankings"), "places": places}


def test_strengths_of_whole_rankings_stand_beside_those_of_comparisons(client, project):
    with_rankings(project, row("lumo-2", 0.3, [1, 1]), row("lumo-3", 0.1, [2, 3]), row("lumo-1", -0.4, [2, 3]))
    text = text_of(client, ADDRESS)
    strength = "0.30 (0.20 to 0.40), n = 640 rankings"
    assert f"lumo-2 stands before all others in whole rankings: strength {strength}." in text
    assert "From 640 rankings of three answers or more" in text
    assert "lumo-3 2 to 3 0.10 (0.00 to 0.20) n = 640 rankings 1 0.80 (0.60 to 1.00) n = 1,204 pairs" in text


def test_each_model_is_a_link_from_the_other(client, project):
    with_rankings(project, row("lumo-2", 0.3, [1, 2]))
    html = html_of(client, "policies/")
    assert '<a class="filter" href="?model=plackett-luce">Whole rankings</a>' in html
    assert "Strength in whole rankings" not in html
    html = html_of(client, ADDRESS)
    assert '<a class="filter" href="?">Comparisons of two</a>' in html
    assert "lumo-2 leads in whole rankings, but may be as low as place 2" in html
    assert "Wins at equal length" not in html


def test_where_there_are_no_whole_rankings_one_sentence_says_so(client, project):
    reason = "no judgement ranks three answers or more, and all that its task has"
    with_rankings(project, missing=reason, rankings=0)
    assert f"Whole rankings say nothing of these policies. {reason}" in text_of(client, ADDRESS)


def test_figures_from_before_whole_rankings_were_measured_say_so(client, project):
    measured(project)
    assert "Whole rankings say nothing of these policies. not measured" in text_of(client, ADDRESS)


def test_too_few_whole_rankings_have_no_first(client, project):
    with_rankings(project, {"name": "lumo-2", "strength": TOO_LITTLE, "places": None})
    assert "These policies cannot be put in one order yet. not enough: 3 of 20 pairs" in text_of(client, ADDRESS)


def test_a_model_that_there_is_not_is_told(client, project):
    measured(project)
    text = text_of(client, "policies/?model=elo")
    assert "“elo” is none of bradley-terry, plackett-luce: “model” is left out." in text
    assert "lumo-3 is preferred to all others" in text

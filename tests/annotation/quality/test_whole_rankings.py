"""Strengths of policies from whole rankings, as they are kept beside those from comparisons."""

from itertools import permutations

import pytest

from annotation.actions.quality import policies
from annotation.actions.quality.measuring import measure
from annotation.models import Project
from tests.annotation.released import judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
NAMES = ("p", "q", "r")


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="qa")


def found(project: Project) -> dict:  # type: ignore[type-arg]
    return dict(measure(project).content["policies"]["rankings"])


def ranked(project: Project, ranking: list[list[int]], *, times: int, name: str, policies=NAMES) -> None:  # type: ignore[no-untyped-def]
    texts = ("one", "two", "three", "four")[: len(policies)]
    for number in range(times):
        judged(project, key=f"{name}{number}", ranking=ranking, texts=texts, policies=policies)


def every_order(project: Project) -> None:
    """Each order of three as often as another, and ten more of p before q before r."""
    for order in permutations(range(3)):
        ranked(project, [[position] for position in order], times=2, name=f"t{order}")
    ranked(project, [[0], [1], [2]], times=10, name="more")


def test_the_strongest_stands_first_with_its_interval_and_place(project):
    every_order(project)
    rankings = found(project)
    assert [one["name"] for one in rankings["ranked"]] == ["p", "q", "r"]
    assert (rankings["rankings"], rankings["missing"], rankings["separated"]) == (22, "", False)
    first = rankings["ranked"][0]["strength"]
    assert first["low"] < first["value"] < first["high"]
    assert (first["n"], first["what"]) == (22, "rankings")
    assert [one["places"] for one in rankings["ranked"]] == [[1, 2], [1, 2], [2, 3]]


def test_rankings_of_two_and_those_that_leave_answers_out_do_not_count(project):
    every_order(project)
    before = found(project)
    ranked(project, [[1], [0]], times=5, name="two", policies=("p", "q"))
    ranked(project, [[2], [1]], times=5, name="part")
    after = found(project)
    assert after["rankings"] == before["rankings"]
    for one, other in zip(after["ranked"], before["ranked"], strict=True):
        assert one["name"] == other["name"]
        assert one["strength"]["value"] == pytest.approx(other["strength"]["value"])
        assert one["strength"]["n"] == other["strength"]["n"]


def test_policies_that_no_whole_ranking_has_are_left_out(project):
    every_order(project)
    ranked(project, [[0], [1]], times=12, name="two", policies=("p", "s"))
    assert {one["name"] for one in found(project)["ranked"]} == set(NAMES)


def test_a_policy_that_is_ranked_only_beside_itself_takes_nothing_from_the_others(project):
    every_order(project)
    before = found(project)
    ranked(project, [[0], [1], [2]], times=12, name="alone", policies=("x", "x", "x"))
    ranked(project, [[0], [1]], times=12, name="two", policies=("p", "x"))
    after = found(project)
    assert (after["rankings"], after["missing"]) == (before["rankings"], "")
    assert [one["name"] for one in after["ranked"]] == [one["name"] for one in before["ranked"]]
    for one, other in zip(after["ranked"], before["ranked"], strict=True):
        assert one["strength"]["value"] == pytest.approx(other["strength"]["value"])


def test_a_policy_that_is_ranked_beside_itself_and_beside_others_has_its_strength(project):
    every_order(project)
    ranked(project, [[0], [1], [2]], times=12, name="more x", policies=("x", "x", "p"))
    rankings = found(project)
    assert rankings["ranked"][0]["name"] == "x"
    assert rankings["rankings"] == 22 + 12


def test_rankings_in_which_one_policy_alone_is_measured_do_not_count(project, monkeypatch):
    monkeypatch.setattr(policies, "MOST", 3)
    every_order(project)
    ranked(project, [[0], [1], [2]], times=2, name="others", policies=("p", "s", "t"))
    assert found(project)["rankings"] == 22


def test_answers_to_one_prompt_hang_together(project):
    for number in range(12):
        judged(
            project,
            key=f"again{number}",
            ranking=[[0], [1], [2]] if number % 3 else [[2], [0], [1]],
            policies=NAMES,
            messages=[{"role": "user", "content": "The same?"}],
        )
    (strength, *_) = [one["strength"] for one in found(project)["ranked"]]
    assert (strength["value"], strength["missing"]) == (None, "not enough: 1 of the 10 prompts that a number needs")


@pytest.mark.parametrize("policies", [("p", "q"), ("p", "p", "p")])
def test_where_there_are_none_it_says_so(project, policies):
    ranked(project, [[position] for position in range(len(policies))], times=12, name="t", policies=policies)
    assert found(project) == {
        "ranked": [],
        "missing": "no judgement ranks three answers or more, and all that its task has",
        "rankings": 0,
        "separated": False,
    }


def test_whole_rankings_that_nothing_links_have_no_strengths(project):
    ranked(project, [[0], [1], [2]], times=12, name="a", policies=("p", "q", "r"))
    ranked(project, [[0], [1], [2]], times=12, name="b", policies=("s", "t", "u"))
    rankings = found(project)
    assert rankings["missing"] == "3 of 6 policies were never compared with the others, even through others"
    assert (rankings["ranked"], rankings["rankings"]) == ([], 24)

"""Rows with the same prompt as one group, and the graph of comparisons in it."""

import random
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ml import builders
from training.ml.data import groups, pairs, releases
from training.ml.data.groups import Edge, Group

TEXTS = "abcdefgh"


def rows_of(*records: dict[str, Any]) -> list[releases.Row]:
    return [releases.row_of(record) for record in records]


def group_of(*records: dict[str, Any]) -> Group:
    (group,) = groups.of_rows(rows_of(*records))
    return group


def said(found: list[Edge]) -> dict[tuple[int, int, bool], float]:
    """The edges' weights by what they say."""
    weights = {(edge.better, edge.worse, edge.tie): edge.weight for edge in found}
    assert len(weights) == len(found)
    return weights


def voted(texts: str, *votes: tuple[list[list[int]], float]) -> Group:
    """One prompt; each vote is a ranking and its weight."""
    return group_of(*(builders.row("p", texts, ranking, weight=weight) for ranking, weight in votes))


@st.composite
def weak_orders(draw: st.DrawFn, size: int) -> list[list[int]]:
    """A ranking with ties of some of `size` responses."""
    order = draw(st.permutations(range(size)))
    ranking: list[list[int]] = []
    for position in order[: draw(st.integers(0, size))]:
        if ranking and draw(st.booleans()):
            ranking[-1].append(position)
        else:
            ranking.append([position])
    return ranking


@st.composite
def crowds(draw: st.DrawFn, *, prompts: str = "pq", weighted: bool = True) -> list[dict[str, Any]]:
    """Rows of few prompts with texts of their own choice, judged by several people."""
    records = []
    for _ in range(draw(st.integers(1, 6))):
        texts = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5, unique=True))
        record = builders.row(draw(st.sampled_from(prompts)), texts)
        record["judgements"] = [
            builders.judgement(
                draw(weak_orders(len(texts))),
                annotator=draw(st.sampled_from("xyz")),
                strength=draw(st.sampled_from([None, 1, 2, 3])),
                weight=draw(st.sampled_from([0.25, 0.5, 1.0, 3.0])) if weighted else 1.0,
            )
            for _ in range(draw(st.integers(0, 3)))
        ]
        records.append(record)
    return records


def test_rows_with_one_prompt_are_one_group_in_order_of_appearance() -> None:
    found = groups.of_rows(
        rows_of(
            builders.row("second", ["a", "b"], [[1], [0]], policies=["old", "new"], annotator="ann", strength=2),
            builders.row("first", ["x", "y"], [[0], [1]]),
            builders.row("second", ["c", "b"], [[0], [1]], policies=["third", "fourth"], annotator="bob", weight=0.5),
        )
    )
    assert [group.messages for group in found] == [
        [{"role": "user", "content": "second"}],
        [{"role": "user", "content": "first"}],
    ]
    assert [(response.text, response.policy) for response in found[0].responses] == [
        ("a", "old"),
        ("b", "new"),
        ("c", "third"),
    ]
    assert found[0].verdicts == (
        groups.Verdict(annotator="ann", ranking=((1,), (0,)), strength=2, weight=1.0),
        groups.Verdict(annotator="bob", ranking=((2,), (1,)), strength=None, weight=0.5),
    )


def test_prompts_that_differ_in_a_role_alone_are_two_groups() -> None:
    system = builders.row("p", "ab", [[0], [1]])
    system["prompt"] = [{"role": "system", "content": "p"}]
    assert len(groups.of_rows(rows_of(system, builders.row("p", "ab", [[0], [1]])))) == 2


def test_a_group_and_its_pairs_have_one_prompt_id() -> None:
    rows = rows_of(builders.row("emoji 🎈", "ab", [[0], [1]]))
    (pair,), _ = pairs.of_rows(rows)
    (group,) = groups.of_rows(rows)
    assert group.prompt_id == pair.prompt_id


def test_the_weight_of_a_judgement_comes_with_the_release(tmp_path: Path) -> None:
    reference = builders.release(tmp_path / "r", [builders.row("p", "ab", [[0], [1]], weight=0.25)])
    (group,) = groups.of_rows(releases.read(Path(reference.path)).rows)
    assert [edge.weight for edge in groups.edges(group, labels="votes", margin="off")] == [0.25]


def test_a_judgement_that_compares_nothing_is_no_verdict() -> None:
    group = voted("aab", ([[2]], 1.0), ([], 1.0), ([[0, 1]], 1.0), ([[0], [1]], 1.0), ([[0], [2]], 0.0))
    assert [response.text for response in group.responses] == ["a", "b"]
    assert group.verdicts == ()


def test_the_indices_of_a_tie_rise() -> None:
    (verdict,) = voted("abcdefghi", ([[8, 1, 0]], 1.0)).verdicts
    assert verdict.ranking == ((0, 1, 8),)


def test_unranked_responses_are_in_no_edge() -> None:
    assert said(groups.edges(voted("abcd", ([[2], [0]], 1.0)), labels="votes", margin="off")) == {(2, 0, False): 1.0}


@pytest.mark.parametrize(
    ("ranking", "expected", "listwise"),
    [
        ([[0], [1], [2]], {(0, 1, False): 1.0}, ((0,), (1,))),
        ([[0, 1], [2]], {(0, 1, False): 1.0}, ((0,), (1,))),
        ([[0, 1, 2]], {(0, 1, True): 1.0}, ((0, 1),)),
        ([[0], [2], [1]], {(0, 1, False): 1.0, (1, 0, False): 1.0}, None),
        ([[0, 2], [1]], {(0, 1, True): 1.0, (1, 0, False): 1.0}, None),
    ],
    ids=["side by side", "tied with itself", "all tied", "on both sides", "tied and below"],
)
def test_a_text_that_was_ranked_twice_is_one_response(
    ranking: list[list[int]], expected: dict[tuple[int, int, bool], float], listwise: groups.Ranking | None
) -> None:
    group = voted("aab", (ranking, 1.0))
    assert said(groups.edges(group, labels="votes", margin="off")) == expected
    rankings = groups.rankings(group, labels="votes", among={0, 1})
    assert rankings == ([(listwise, 1.0)] if listwise else [])


VOTES = (([[0], [1]], 2.0), ([[1], [0]], 1.0), ([[0], [1]], 0.5), ([[0, 1]], 0.5), ([[2], [1]], 1.0))


@pytest.mark.parametrize(
    ("labels", "ties", "expected"),
    [
        ("votes", True, {(0, 1, False): 2.5, (1, 0, False): 1.0, (0, 1, True): 0.5, (2, 1, False): 1.0}),
        ("votes", False, {(0, 1, False): 2.5, (1, 0, False): 1.0, (2, 1, False): 1.0}),
        ("shares", True, {(0, 1, False): 0.625, (1, 0, False): 0.25, (0, 1, True): 0.125, (2, 1, False): 1.0}),
        ("shares", False, {(0, 1, False): 2.5 / 3.5, (1, 0, False): 1 / 3.5, (2, 1, False): 1.0}),
        ("majority", True, {(0, 1, False): 1.0, (2, 1, False): 1.0}),
    ],
)
def test_votes_become_edges(labels: str, ties: bool, expected: dict[tuple[int, int, bool], float]) -> None:
    assert said(groups.edges(voted("abc", *VOTES), labels=labels, margin="off", ties=ties)) == expected


def test_an_even_vote_is_a_tie_whatever_floats_add_up_to() -> None:
    group = voted("ab", ([[1], [0]], 0.3), ([[0], [1]], 0.1), ([[0], [1]], 0.2), ([[0, 1]], 0.1))
    assert 0.1 + 0.2 != 0.3
    assert said(groups.edges(group, labels="majority", margin="off")) == {(0, 1, True): 1.0}
    assert groups.edges(group, labels="majority", margin="off", ties=False) == []


@pytest.mark.parametrize("labels", groups.LABELS)
def test_merged_edges_keep_the_mean_margin_by_weight(labels: str) -> None:
    group = group_of(
        builders.row("p", "ab", [[0], [1]], strength=3, weight=3.0),
        builders.row("p", "ab", [[0], [1]], strength=None, weight=1.0),
        builders.row("p", "ab", [[1], [0]], strength=2, weight=1.0),
        builders.row("p", "ab", [[0, 1]], strength=3, weight=1.0),
    )
    margins = {(e.better, e.tie): e.margin for e in groups.edges(group, labels=labels, margin="strength")}
    assert margins[0, False] == pytest.approx(0.5)  # (3 · 2/3 + 1 · 0) / 4
    assert margins.get((1, False), 1 / 3) == pytest.approx(1 / 3)
    assert margins.get((0, True), 0.0) == 0.0
    assert {edge.margin for edge in groups.edges(group, labels=labels, margin="off")} == {0.0}


def test_a_tournament_of_many_people_over_thirty_responses_is_one_group() -> None:
    rng = random.Random(3)
    texts = [f"argument {number}" for number in range(30)]
    chosen = rng.sample(list(combinations(range(30), 2)), 300)
    records = [
        builders.row("topic", [texts[i], texts[j]], [[0], [1]] if rng.random() < 0.7 else [[1], [0]], annotator=who)
        for i, j in chosen
        for who in rng.sample([f"person {number}" for number in range(40)], 5)
    ]
    group = group_of(*records)
    assert sorted(response.text for response in group.responses) == sorted(texts)
    assert len(group.verdicts) == 1500
    assert len({verdict.annotator for verdict in group.verdicts}) == 40
    assert sum(edge.weight for edge in groups.edges(group, labels="votes", margin="off")) == 1500
    majority = groups.edges(group, labels="majority", margin="off")
    ahead = {(group.responses[edge.better].text, group.responses[edge.worse].text) for edge in majority}
    votes: Counter[tuple[str, str]] = Counter()
    for record in records:
        (best,), (worst,) = record["judgements"][0]["ranking"]
        votes[record["responses"][best]["text"], record["responses"][worst]["text"]] += 1
    assert len(ahead) == 300
    assert all(votes[better, worse] > votes[worse, better] for better, worse in ahead)


@given(crowds(weighted=False))
def test_the_votes_are_the_strict_pairs_and_the_ties(records: list[dict[str, Any]]) -> None:
    rows = rows_of(*records)
    expanded, tied = pairs.of_rows(rows)
    found = {
        (group.prompt, group.responses[edge.better].text, group.responses[edge.worse].text, edge.tie): edge.weight
        for group in groups.of_rows(rows)
        for edge in groups.edges(group, labels="votes", margin="strength")
    }
    strict = Counter((pair.prompt, pair.chosen, pair.rejected) for pair in expanded)
    assert {key[:3]: weight for key, weight in found.items() if not key[3]} == strict
    assert sum(weight for key, weight in found.items() if key[3]) == tied


@given(crowds(weighted=False))
def test_margins_of_merged_edges_are_means_over_the_pairs(records: list[dict[str, Any]]) -> None:
    rows = rows_of(*records)
    margins = defaultdict(list)
    for pair in pairs.of_rows(rows)[0]:
        margins[pair.prompt, pair.chosen, pair.rejected].append(pair.margin)
    for group in groups.of_rows(rows):
        for edge in groups.edges(group, labels="votes", margin="strength", ties=False):
            of_pair = margins[group.prompt, group.responses[edge.better].text, group.responses[edge.worse].text]
            assert edge.margin == pytest.approx(sum(of_pair) / len(of_pair))


@given(crowds(), st.booleans())
def test_shares_of_a_pair_sum_to_one(records: list[dict[str, Any]], ties: bool) -> None:
    for group in groups.of_rows(rows_of(*records)):
        votes = groups.edges(group, labels="votes", margin="off", ties=ties)
        totals: dict[tuple[int, int], float] = defaultdict(float)
        for edge in groups.edges(group, labels="shares", margin="off", ties=ties):
            totals[edge.pair] += edge.weight
        assert totals.keys() == {edge.pair for edge in votes}
        assert list(totals.values()) == pytest.approx([1.0] * len(totals))


@given(crowds())
def test_a_majority_has_one_edge_a_pair_and_no_rival_with_more_weight(records: list[dict[str, Any]]) -> None:
    for group in groups.of_rows(rows_of(*records)):
        votes = said(groups.edges(group, labels="votes", margin="off"))
        found = groups.edges(group, labels="majority", margin="off")
        assert Counter(edge.pair for edge in found) == dict.fromkeys({(min(a, b), max(a, b)) for a, b, _ in votes}, 1)
        for edge in found:
            ahead = votes.get((edge.better, edge.worse, False), 0) - votes.get((edge.worse, edge.better, False), 0)
            assert ahead == 0 if edge.tie else ahead > 0
            assert edge.weight == 1.0
            assert edge.better < edge.worse or not edge.tie


@given(crowds())
def test_ties_name_the_lower_index_first_and_nothing_is_compared_with_itself(records: list[dict[str, Any]]) -> None:
    for record in records:  # now with equal texts in a row
        record["responses"] = [response | {"text": response["text"].upper()[:1]} for response in record["responses"]]
        record["responses"][0]["text"] = record["responses"][-1]["text"]
    for group in groups.of_rows(rows_of(*records)):
        assert len({response.text for response in group.responses}) == len(group.responses)
        for edge in groups.edges(group, labels="votes", margin="off"):
            assert edge.better != edge.worse
            assert edge.better < edge.worse or not edge.tie


@given(crowds(), st.sampled_from(groups.LABELS))
def test_the_same_rows_give_the_same_groups_and_edges(records: list[dict[str, Any]], labels: str) -> None:
    first, second = (groups.of_rows(rows_of(*records)) for _ in range(2))
    assert first == second
    for one, other in zip(first, second, strict=True):
        assert groups.edges(one, labels=labels, margin="strength") == groups.edges(
            other, labels=labels, margin="strength"
        )


def test_equal_rankings_are_merged_and_weighed_by_their_responses() -> None:
    group = voted("abc", ([[0], [1, 2]], 1.0), ([[0], [2, 1]], 2.0), ([[2], [1], [0]], 1.0), ([[1], [0]], 4.0))
    of_three, other, of_two = ((0,), (1, 2)), ((2,), (1,), (0,)), ((1,), (0,))
    rankings = {labels: groups.rankings(group, labels=labels, among={0, 1, 2}) for labels in groups.LABELS}
    assert rankings == {
        "votes": [(of_three, 3.0), (other, 1.0), (of_two, 4.0)],
        "shares": [(of_three, 0.75), (other, 0.25), (of_two, 1.0)],
        "majority": [(of_three, 1.0), (of_two, 1.0)],
    }
    assert groups.rankings(group, labels="shares", among={1, 2}) == [(((1, 2),), 0.75), (((2,), (1,)), 0.25)]
    assert groups.rankings(group, labels="shares", among={1, 2}, ties=False) == [(((2,), (1,)), 1.0)]


@given(crowds(), st.sampled_from(["votes", "shares"]))
def test_rankings_of_two_weigh_what_their_edges_weigh(records: list[dict[str, Any]], labels: str) -> None:
    for group in groups.of_rows(rows_of(*(record for record in records if len(record["responses"]) < 3))):
        weights = said(groups.edges(group, labels=labels, margin="off"))
        for ranking, weight in groups.rankings(group, labels=labels, among=range(len(group.responses))):
            better, worse = ranking if len(ranking) == 2 else ((ranking[0][0],), (ranking[0][1],))
            assert weight == pytest.approx(weights[better[0], worse[0], len(ranking) == 1])

"""Groups in tokens, split to a budget and planned into batches without losing or doubling a comparison."""

import subprocess
import sys
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ml import builders
from training.ml.backbones import tiny
from training.ml.data import batches, groups, releases
from training.ml.data.batches import Item
from training.ml.data.conversations import LEAST_PROMPT, Encoder, tokens_of
from training.ml.data.groups import Edge, Group

TOKENIZER = tiny.tokenizer_of(["hello there"], vocab=300, context=4096)


def encoder(max_length: int = 512, overlong: str = "truncate") -> Encoder:
    return Encoder(tokenizer=TOKENIZER, max_length=max_length, overlong=overlong)


def groups_of(*records: dict[str, Any]) -> list[Group]:
    return groups.of_rows([releases.row_of(record) for record in records])


def encode(found: list[Group], *, using: Encoder, labels: str = "votes", ties: bool = True) -> list[Item]:
    return batches.encode(found, encoder=using, labels=labels, margin="off", ties=ties)


def length(prompt: str, answer: str) -> int:
    return len(tokens_of(TOKENIZER, [{"role": "user", "content": prompt}], answer).ids)


def named(items: list[Item]) -> Counter[tuple[Any, ...]]:
    """Every edge of the items, with its answers as tokens (distinct within an item of these tests)."""
    return Counter(
        (tuple(item.answers[e.better]), tuple(item.answers[e.worse]), e.tie, e.margin, e.weight)
        for item in items
        for e in item.edges
    )


def named_rankings(items: list[Item]) -> Counter[tuple[Any, ...]]:
    return Counter(
        (tuple(tuple(tuple(item.answers[i]) for i in group) for group in ranking), weight)
        for item in items
        for ranking, weight in item.rankings
    )


@st.composite
def drawn_items(draw: st.DrawFn, *, number: int = 0, answers: int = 9) -> Item:
    """A prompt with compared answers of all lengths; `number` tells its tokens from those of others."""
    anyone = list(combinations(range(draw(st.integers(2, answers))), 2))
    met = draw(st.lists(st.sampled_from(anyone), min_size=1, unique=True))
    place = {old: new for new, old in enumerate(sorted({i for pair in met for i in pair}))}
    pairs = [(place[low], place[high]) for low, high in met]
    lengths = draw(st.lists(st.integers(1, 30), min_size=len(place), max_size=len(place)))
    edges = [
        Edge(better=better, worse=worse, tie=tie, margin=0.0, weight=draw(st.sampled_from([0.25, 1.0, 2.0])))
        for low, high in pairs
        for better, worse, tie in draw(
            st.sampled_from([[(low, high, False)], [(high, low, False), (low, high, True)], [(low, high, True)]])
        )
    ]
    return Item(
        prompt=[number] * draw(st.integers(1, 40)),
        answers=[[number, i, *[0] * more] for i, more in enumerate(lengths)],
        edges=edges,
        rankings=[(((e.better, e.worse),) if e.tie else ((e.better,), (e.worse,)), e.weight) for e in edges],
    )


@st.composite
def collections(draw: st.DrawFn) -> list[Item]:
    return [draw(drawn_items(number=number, answers=5)) for number in range(draw(st.integers(0, 12)))]


def test_nothing_of_it_loads_torch() -> None:
    code = "import sys, training.ml.data.batches; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=builders.ROOT, check=False)
    assert done.returncode == 0


def test_an_item_is_the_prompt_once_and_its_compared_answers() -> None:
    (group,) = groups_of(builders.row("hello", ["a", "never ranked", "c", "d"], [[3], [0, 2]]))
    using = encoder()
    (item,) = encode([group], using=using)
    texts = ["a", "c", "d"]
    assert item.answers == [tokens_of(TOKENIZER, group.messages, text).answer for text in texts]
    assert item.prompt == tokens_of(TOKENIZER, group.messages, "a").prompt
    assert {(edge.better, edge.worse, edge.tie) for edge in item.edges} == {
        (0, 1, True),
        (2, 0, False),
        (2, 1, False),
    }
    assert item.rankings == [(((2,), (0, 1)), 1.0)]
    assert item.tokens == len(item.prompt) + sum(len(answer) for answer in item.answers)
    assert item.share == 1.0


def test_a_response_is_counted_once_however_often_it_was_compared() -> None:
    prompt = "a prompt that is quite long"
    rows = [builders.row(prompt, [f"answer {i}", f"answer {j}"], [[0], [1]]) for i, j in combinations(range(5), 2)]
    using = encoder(max_length=length(prompt, "answer 0") - 1)
    (item,) = encode(groups_of(*rows), using=using)
    assert (len(item.answers), len(item.edges)) == (5, 10)
    assert (using.lengths.truncated, using.lengths.dropped) == (5, 0)


def test_all_answers_get_the_shortest_of_a_groups_prompts() -> None:
    prompt, long = "a prompt that is quite long", "a longer answer"
    using = encoder(max_length=length(prompt, long) - 4)
    (group,) = groups_of(builders.row(prompt, ["short", long], [[0], [1]]))
    (item,) = encode([group], using=using)
    whole = tokens_of(TOKENIZER, group.messages, "short").prompt
    assert item.prompt == whole[:1] + whole[5:]  # the mark of the beginning stays
    assert using.lengths.truncated == 1


def test_a_dropped_answer_takes_its_comparisons_along_and_shortens_no_prompt() -> None:
    prompt, long = "a prompt", "x" * 60
    using = encoder(max_length=60)
    (group,) = groups_of(builders.row(prompt, ["a", long, "c", "d"], [[0], [1], [2]]))
    (item,) = encode([group], using=using)
    assert item.answers == [tokens_of(TOKENIZER, group.messages, text).answer for text in ("a", "c")]
    assert item.prompt == tokens_of(TOKENIZER, group.messages, "a").prompt
    assert [(edge.better, edge.worse) for edge in item.edges] == [(0, 1)]
    assert item.rankings == [(((0,), (1,)), 1.0)]
    assert using.lengths.dropped == 1


def test_an_answer_whose_only_rival_was_dropped_costs_nothing() -> None:
    (group,) = groups_of(builders.row("p", ["a", "b", "c", "x" * 60], [[0], [1]], [[2], [3]]))
    (item,) = encode([group], using=encoder(max_length=60))
    assert len(item.answers) == 2


def test_a_group_without_a_comparison_left_is_left_out_and_what_it_lost_is_counted() -> None:
    using = encoder(max_length=LEAST_PROMPT + 20)
    found = groups_of(
        builders.row("dropped", ["a", "x" * 60], [[0], [1]]),
        builders.row("unranked", ["a", "b"]),
        builders.row("kept", ["a", "b"], [[1], [0]]),
    )
    items = encode(found, using=using)
    assert [[(edge.better, edge.worse) for edge in item.edges] for item in items] == [[(1, 0)]]
    assert using.lengths.dropped == 1


def test_without_ties_what_was_only_tied_costs_nothing() -> None:
    found = groups_of(
        builders.row("p", ["a", "b", "c"], [[0], [1]], [[1, 2]]), builders.row("q", ["a", "b"], [[0, 1]])
    )
    assert [len(item.answers) for item in encode(found, using=encoder())] == [3, 2]
    (item,) = encode(found, using=encoder(), ties=False)
    assert len(item.answers) == 2
    assert [(edge.better, edge.worse, edge.tie) for edge in item.edges] == [(0, 1, False)]
    assert item.rankings == [(((0,), (1,)), 1.0)]


def test_an_item_within_the_budget_stays_as_it_is() -> None:
    item = complete(4, prompt=10, answer=5)
    assert batches.split(item, budget=item.tokens) == [item]
    assert len(batches.split(item, budget=item.tokens - 1)) > 1


def test_a_pair_over_the_budget_stays_whole() -> None:
    item = complete(2, prompt=10, answer=5)
    assert batches.split(item, budget=1) == [item]


def complete(size: int, *, prompt: int, answer: int) -> Item:
    """Every two of `size` answers compared, by one ranking of all."""
    return Item(
        prompt=[0] * prompt,
        answers=[[i] * answer for i in range(size)],
        edges=[Edge(better=i, worse=j, tie=False, margin=0.0, weight=1.0) for i, j in combinations(range(size), 2)],
        rankings=[(tuple((i,) for i in range(size)), 1.0)],
    )


@given(drawn_items(), st.integers(1, 200), st.booleans())
def test_split_loses_no_comparison_and_doubles_none(item: Item, budget: int, shared: bool) -> None:
    parts = batches.split(item, budget=budget, shared=shared)
    assert named(parts) == named([item])
    assert named_rankings(parts) == named_rankings([item])  # of two each: they go with their edges


@given(drawn_items(), st.integers(1, 200), st.booleans())
def test_parts_keep_to_the_budget_unless_they_are_one_pair(item: Item, budget: int, shared: bool) -> None:
    for part in batches.split(item, budget=budget, shared=shared):
        assert part.size(shared=shared) <= budget or len(part.answers) == 2
        assert batches.answers_of(part.edges) == list(range(len(part.answers)))  # nobody is there for nothing
        assert part.prompt == item.prompt


@given(drawn_items(), st.integers(1, 200), st.integers(1, 200))
def test_shares_of_a_prompts_parts_sum_to_its_own(item: Item, budget: int, less: int) -> None:
    parts = batches.split(item, budget=budget)
    again = [smaller for part in parts for smaller in batches.split(part, budget=less)]
    total = sum(edge.weight for edge in item.edges)
    for found in (parts, again):
        assert sum(part.share for part in found) == pytest.approx(1.0)
        for part in found:
            assert part.share == pytest.approx(sum(edge.weight for edge in part.edges) / total)


def test_parts_that_are_split_again_keep_their_prompts_share() -> None:
    parts = batches.split(complete(9, prompt=10, answer=10), budget=70)
    again = [smaller for part in parts for smaller in batches.split(part, budget=40)]
    assert len(again) > len(parts) > 1
    assert sum(part.share for part in again) == pytest.approx(1.0)


@given(drawn_items(), st.integers(1, 200))
def test_split_is_the_same_every_time(item: Item, budget: int) -> None:
    assert batches.split(item, budget=budget) == batches.split(item, budget=budget)


def test_after_a_split_a_ranking_is_that_of_each_parts_answers() -> None:
    item = complete(9, prompt=10, answer=10)
    parts = batches.split(item, budget=70)
    assert len(parts) > 1
    for part in parts:
        ((ranking, weight),) = part.rankings
        assert [part.answers[i][0] for (i,) in ranking] == sorted(answer[0] for answer in part.answers)
        assert weight == 1.0


@pytest.mark.parametrize(("size", "room"), [(9, 6), (12, 6), (30, 6), (30, 10), (30, 15)])
def test_a_split_encodes_no_more_than_two_blocks_at_a_time_would(size: int, room: int) -> None:
    """Blocks of half a part, every two of them together once: the plain way to meet all pairs."""
    parts = batches.split(complete(size, prompt=10, answer=10), budget=10 + 10 * room)
    blocks = -(-size // (room // 2))
    assert sum(part.tokens for part in parts) <= blocks * (blocks - 1) // 2 * (10 + 10 * room)


def test_unconnected_comparisons_share_a_part_and_its_prompt() -> None:
    edges = [Edge(better=2 * i, worse=2 * i + 1, tie=False, margin=0.0, weight=1.0) for i in range(6)]
    item = Item(prompt=[0] * 100, answers=[[i] for i in range(12)], edges=edges, rankings=[])
    assert [len(part.answers) for part in batches.split(item, budget=106)] == [6, 6]


@given(collections(), st.integers(1, 300), st.integers(1, 6), st.integers(), st.booleans())
def test_a_plan_holds_everything_once_within_its_limits(
    items: list[Item], budget: int, most: int, seed: int, shared: bool
) -> None:
    plan = batches.plan(items, budget=budget, most=most, seed=seed, shared=shared)
    planned = [item for batch in plan.batches for item in batch]
    parts = [batches.split(item, budget=budget, shared=shared) for item in items]
    assert Counter(map(repr, planned)) == Counter(repr(part) for of_prompt in parts for part in of_prompt)
    assert named(planned) == named(items)
    assert plan.split_prompts == sum(len(of_prompt) > 1 for of_prompt in parts)
    for batch in plan.batches:
        assert 1 <= len(batch) <= most
        assert sum(item.size(shared=shared) for item in batch) <= budget or len(batch) == 1


@given(collections(), st.integers(1, 300), st.integers(1, 6), st.integers())
def test_a_plan_follows_from_its_seed(items: list[Item], budget: int, most: int, seed: int) -> None:
    plans = [batches.plan(items, budget=budget, most=most, seed=seed) for _ in range(2)]
    assert plans[0] == plans[1]


def many(count: int = 400) -> list[Item]:
    """Prompts with answers of one length each, from 1 to 100 tokens."""
    edge = Edge(better=0, worse=1, tie=False, margin=0.0, weight=1.0)
    return [
        Item(prompt=[i], answers=[[i] * (i % 100 + 1), [-i] * (i % 100 + 1)], edges=[edge], rankings=[])
        for i in range(count)
    ]


def test_another_seed_brings_other_prompts_together() -> None:
    plans = (batches.plan(many(), budget=1000, most=8, seed=seed) for seed in (1, 2))
    first, second = ({frozenset(item.prompt[0] for item in batch) for batch in plan.batches} for plan in plans)
    assert len(first & second) < len(first) / 2


def test_batches_are_of_one_length_and_come_in_no_order_of_length() -> None:
    found = batches.plan(many(), budget=10_000, most=8, seed=1).batches
    spreads = [max(item.longest for item in batch) - min(item.longest for item in batch) for batch in found]
    assert sum(spreads) / len(spreads) < 15  # of 100
    means = [sum(item.longest for item in batch) / len(batch) for batch in found]
    assert means != sorted(means)
    assert means != sorted(means, reverse=True)


def test_batches_are_filled_to_the_budget() -> None:
    found = batches.plan(many(), budget=1000, most=400, seed=1).batches
    room = sum(1000 - sum(item.tokens for item in batch) for batch in found)
    assert room / (1000 * len(found)) < 0.15

import math
from collections import Counter
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.stats.exposure import balanced_order, stood

counts = st.integers(0, 9).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 10_000), max_size=9), min_size=size, max_size=size)
)


@given(counts, st.randoms(use_true_random=False))
def test_every_item_gets_one_place(counts: list[list[int]], chance: Random) -> None:
    assert sorted(balanced_order(counts, chance=chance)) == list(range(len(counts)))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_without_a_past_every_order_is_as_likely(size: int) -> None:
    chance = Random(7)
    drawn = Counter(tuple(balanced_order([[]] * size, chance=chance)) for _ in range(6000))

    expected = 6000 / math.factorial(size)
    assert len(drawn) == math.factorial(size)
    # Chi-square over at most 23 degrees of freedom stays under 50 in 99.9 % of all draws; the seed makes it one draw.
    assert sum((n - expected) ** 2 / expected for n in drawn.values()) < 50


def test_draws_each_order_with_the_probability_that_it_says() -> None:
    past = [[3, 1, 0], [0, 2], [1, 1, 1]]
    weights = {
        order: math.exp(-sum((past[item] + [0] * 3)[place] for place, item in enumerate(order)))
        for order in permutations(range(3))
    }
    chance = Random(1)
    drawn = Counter(tuple(balanced_order(past, chance=chance)) for _ in range(20_000))

    for order, weight in weights.items():
        assert drawn[order] / 20_000 == pytest.approx(weight / sum(weights.values()), abs=0.012)


@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_over_many_tasks_each_policy_stands_equally_often_everywhere(size: int) -> None:
    chance = Random(3)
    seen: list[list[int]] = [[] for _ in range(size)]
    tasks = 60 * size
    for _ in range(tasks):
        for place, item in enumerate(balanced_order(seen, chance=chance)):
            seen[item] = stood(seen[item], place=place)

    # Pure chance would leave a spread of about sqrt(60), 8; the bias keeps each place within a few of 60.
    assert all(abs(count - 60) <= 6 for row in seen for count in row)


def test_a_past_out_of_balance_comes_back_and_still_gives_nothing_away() -> None:
    chance = Random(5)
    firsts = Counter(balanced_order([[1, 0], [0, 1]], chance=chance)[0] for _ in range(2000))

    assert firsts[1] > firsts[0] > 100


def test_a_policy_that_came_late_is_treated_like_the_others() -> None:
    chance = Random(5)
    firsts = Counter(balanced_order([[500, 500], []], chance=chance)[0] for _ in range(2000))

    assert abs(firsts[0] - firsts[1]) < 200


def test_standing_somewhere_counts_there() -> None:
    assert stood([1], place=2) == [1, 0, 1]
    assert stood([1, 4], place=1) == [1, 5]


def test_refuses_to_be_drawn_to_what_was_seen_most() -> None:
    with pytest.raises(ValueError, match="sharpness"):
        balanced_order([[1], [2]], sharpness=-1)

import numpy as np
import pytest

from annotation.stats.people.biases import by_place, length, position
from tests.annotation.stats.crowds import crowd
from tests.annotation.stats.said import said_of

FOR, AGAINST, TIED = [[0], [1]], [[1], [0]], [[0, 1]]


def test_a_pair_goes_to_what_was_seen_earlier_or_not():
    rows = [("t", who, said) for who, said in enumerate([FOR, AGAINST, TIED, FOR, FOR])]
    said = said_of(rows, size=2, shown=[[0, 1], [0, 1], [0, 1], [1, 0], [-1, -1]])

    scores = position(said)

    assert scores.right.tolist() == [1, 0, 0, 0, 0]
    assert scores.n.tolist() == [1, 1, 0, 1, 0]


def test_whoever_always_takes_the_first_is_found_among_the_fair():
    said, _ = crowd(tasks=300, size=3, seed=1, people=10)
    ranks = np.where((said.annotators == 0)[:, None], said.shown, said.ranks)

    figures = position(type(said)(**{**vars(said), "ranks": ranks})).by(said.annotators, number=10)

    assert figures[0].value == 1
    assert np.mean([figure.low <= 0.5 <= figure.high for figure in figures[1:]]) > 0.7


def test_each_place_wins_by_as_much_as_the_others_lose():
    rows = [(t, "a", [[0], [1, 2]]) for t in range(12)]

    first, second, third = by_place(said_of(rows, size=3, shown=[[2, 0, 1]] * 12))

    assert (first.value, second.value, third.value) == (0.25, 0.25, 1)
    assert first.n == 24


def test_an_answer_that_nobody_ranked_still_takes_a_place():
    rows = [(t, "a", [[0], [1]]) for t in range(12)]

    first, second, third = by_place(said_of(rows, size=2, shown=[[2, 0]] * 12))

    assert (first.value, third.value) == (0, 1)
    assert second.missing == "not enough: 0 of the 10 tasks that a number needs"


def test_the_interval_of_a_bias_draws_tasks():
    once, often = (
        position(said_of(rows, size=2, shown=[[0, 1]] * len(rows))).figure()
        for rows in (
            [(t, who, FOR if t % 3 else AGAINST) for t in range(40) for who in range(people)] for people in (1, 5)
        )
    )

    assert often.high - often.low == pytest.approx(once.high - once.low)
    assert (often.n, often.groups) == (200, 40)


def test_in_random_orders_every_place_wins_half():
    said, _ = crowd(tasks=500, size=4, seed=2)

    assert all(figure.low <= 0.5 <= figure.high for figure in by_place(said))


def test_a_pair_goes_to_the_longer_answer_or_not():
    rows = [("t", "a", FOR), ("t", "b", AGAINST), ("same", "a", FOR), ("unknown", "a", FOR), ("t", "c", TIED)]

    scores = length(said_of(rows, size=2), lengths=np.array([[30.0, 20], [9, 9], [np.nan, 5]]))

    assert scores.right.tolist() == [1, 0, 0, 0, 0]
    assert scores.n.tolist() == [1, 1, 0, 0, 0]


def test_turning_the_pairs_round_changes_no_bias():
    said, _ = crowd(tasks=50, size=3, seed=3)
    turned = type(said)(**{**vars(said), "ranks": said.ranks[:, ::-1], "shown": said.shown[:, ::-1]})

    assert position(turned).figure().value == pytest.approx(position(said).figure().value)

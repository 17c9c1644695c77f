from itertools import combinations

import numpy as np
import pytest

from annotation.stats.people.transitivity import circles, triads
from tests.annotation.stats.said import said_of

FOR, AGAINST, TIED = [[0], [1]], [[1], [0]], [[0, 1]]


def tournament(*, items, prefer, who="a", prompt=0):
    """A task for each two items; `prefer(i, j)` whether i is better. Rows, and the items of each task."""
    pairs = list(combinations(range(items), 2))
    return [((prompt, pair), who, FOR if prefer(*pair) else AGAINST) for pair in pairs], pairs


@pytest.mark.parametrize(("outcomes", "expected"), [((1, 1, 1), (0, 1)), ((1, 1, -1), (1, 1)), ((1, 1), (0, 0))])
def test_three_answers_by_hand(outcomes, expected):
    first, second = np.array([0, 1, 0])[: len(outcomes)], np.array([1, 2, 2])[: len(outcomes)]

    assert circles(first, second, np.array(outcomes)) == expected


def test_circles_as_counted_one_by_one():
    chance = np.random.default_rng(1)
    pairs = np.array(list(combinations(range(8), 2)))
    wins = np.where(chance.random(len(pairs)) < 0.5, 1, -1)
    better = {(a, b): win > 0 for (a, b), win in zip(map(tuple, pairs.tolist()), wins, strict=True)}

    expected = sum(better[a, b] == better[b, c] != better[a, c] for a, b, c in combinations(range(8), 3))

    assert circles(pairs[:, 0], pairs[:, 1], wins) == (expected, 56)


def test_who_goes_by_merit_never_goes_in_circles():
    rows, pairs = tournament(items=6, prefer=lambda i, j: (i * 5) % 7 > (j * 5) % 7)

    found = triads(said_of(rows, size=2), prompts=np.zeros(len(pairs), int), responses=np.array(pairs))

    assert (found.right.tolist(), found.n.tolist()) == ([20], [20])


def test_coins_go_in_circles_in_a_quarter():
    chance = np.random.default_rng(2)
    rows, pairs = [], []
    for prompt in range(40):
        new, these = tournament(items=6, prefer=lambda *_: chance.random() < 0.5, prompt=prompt)
        rows, pairs = rows + new, pairs + these

    found = triads(said_of(rows, size=2), prompts=np.repeat(np.arange(40), 15), responses=np.array(pairs))

    figure = found.figure()
    assert figure.low <= 0.75 <= figure.high
    assert figure.groups == 40


def test_each_person_s_circles_are_their_own():
    straight, pairs = tournament(items=3, prefer=lambda i, j: i < j, who="a")
    circle = [(task, "b", AGAINST if task[1] == (0, 2) else FOR) for task, _, _ in straight]

    found = triads(said_of([*straight, *circle], size=2), prompts=np.zeros(3, int), responses=np.array(pairs))

    assert found.annotators.tolist() == [0, 1]
    assert found.right.tolist() == [1, 0]


def test_ties_and_rankings_of_three_close_no_triad():
    rows = [("t", "a", [[0], [1], [2]]), ("u", "a", TIED), ("v", "a", FOR)]

    found = triads(said_of(rows, size=3), prompts=np.zeros(3, int), responses=np.array([[0, 1, 2]] * 3))

    assert found.n.sum() == 0
    assert found.figure().value is None

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.stats.known import Score, score, total


@pytest.mark.parametrize(
    ("ranking", "known", "expected"),
    [
        ([[0], [1], [2]], [[0], [1], [2]], Score(3, 3)),
        ([[2], [1], [0]], [[0], [1], [2]], Score(0, 3)),
        ([[0], [2], [1]], [[0], [1], [2]], Score(2, 3)),
        ([[0, 1], [2]], [[0], [1], [2]], Score(2, 3)),  # a tie where there is an order is wrong
        ([[1], [0], [2]], [[0, 1], [2]], Score(2, 2)),  # what is tied in the known answer is not asked
        ([[0]], [[0], [1]], Score(0, 1)),  # left out
        ([], [[0], [1, 2]], Score(0, 2)),
        ([[1], [0]], [[0, 1]], Score(0, 0)),
    ],
)
def test_counts_the_strict_pairs_that_are_ordered_the_same_way(ranking, known, expected):
    assert score(ranking, known) == expected


@given(st.permutations(range(6)))
def test_what_is_said_and_the_reverse_of_it_share_all_pairs_of_a_strict_answer(order):
    known = [[0], [1], [2], [3], [4], [5]]
    ranking = [[position] for position in order]

    assert score(ranking, known).right + score(ranking[::-1], known).right == 15


def test_pairs_of_all_tasks_count_alike():
    assert total([Score(1, 1), Score(0, 3)]) == Score(1, 4)
    assert total([Score(1, 1), Score(0, 3)]).share == 0.25


def test_where_nothing_can_be_wrong_all_is_right():
    assert total([]).share == 1

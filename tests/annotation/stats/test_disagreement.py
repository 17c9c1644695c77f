"""Distances of rankings, each worked by hand."""

import pytest

from annotation.stats.disagreement import agreement_of_two, disagreement


def test_the_same_ranking_twice_is_no_dispute() -> None:
    apart = disagreement([[[0], [1, 2]], [[0], [2, 1]]])

    assert (apart.share, apart.differing, apart.pairs, apart.rankings) == (0, 0, 3, 2)
    assert not apart.is_dispute


def test_opposite_orders_differ_on_every_pair() -> None:
    apart = disagreement([[[0], [1], [2]], [[2], [1], [0]]])

    assert (apart.share, apart.differing, apart.pairs) == (1, 3, 3)


def test_one_swap_of_neighbours_is_one_pair_of_six() -> None:
    apart = disagreement([[[0], [1], [2], [3]], [[1], [0], [2], [3]]])

    assert apart.share == pytest.approx(1 / 6)
    assert (apart.differing, apart.pairs) == (1, 6)


def test_a_tie_against_an_order_counts_half() -> None:
    # 0=1 against 0>1 is 1/2; 0>2 and 1>2 are the same: 1/2 of 3 pairs.
    apart = disagreement([[[0, 1], [2]], [[0], [1], [2]]])

    assert apart.share == pytest.approx(1 / 6)
    assert apart.differing == 1


def test_three_people_on_one_pair() -> None:
    # Two say 0, one says 1: of the 3 ways to take two people, 2 differ.
    assert disagreement([[[0], [1]], [[0], [1]], [[1], [0]]]).share == pytest.approx(2 / 3)
    # One each way and one tie: 1 + 1/2 + 1/2 of 3.
    assert disagreement([[[0], [1]], [[1], [0]], [[0, 1]]]).share == pytest.approx(2 / 3)


def test_what_only_one_person_ranked_is_compared_with_nothing() -> None:
    apart = disagreement([[[0], [1]], [[1], [0], [2]]])

    assert (apart.share, apart.differing, apart.pairs) == (1, 1, 1)


@pytest.mark.parametrize("rankings", [[], [[[0], [1]]], [[[0]], [[0]]], [[], []]])
def test_without_two_people_on_a_pair_there_is_no_number(rankings: list[list[list[int]]]) -> None:
    apart = disagreement(rankings)

    assert apart.share is None
    assert not apart.is_dispute
    assert apart.pairs == 0


def test_agreement_of_two_is_in_pairs() -> None:
    assert agreement_of_two([[0, 1], [2]], [[0], [1], [2]]) == (pytest.approx(2.5), 3)
    assert agreement_of_two([[0]], [[0]]) == (0, 0)

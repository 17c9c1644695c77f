from itertools import permutations

import choix
import numpy as np
import pytest

from annotation.stats.strengths.bradley_terry import bradley_terry
from annotation.stats.strengths.fits import NotComparable
from annotation.stats.strengths.matches import matches_of
from annotation.stats.strengths.plackett_luce import plackett_luce
from tests.annotation.stats.said import said_of

TRUE = np.array([1.0, 0.3, 0.0, -0.4, -0.9])


def ranked(number, *, seed, size=3, strengths=TRUE):
    """Rankings of `size` of the policies by Plackett and Luce; who wrote what (T, K)."""
    chance = np.random.default_rng(seed)
    who = np.argsort(chance.random((number, strengths.size)), axis=1)[:, :size]
    orders = np.argsort(-(strengths[who] + chance.gumbel(size=who.shape)), axis=1)
    return said_of([(t, "a", [[int(k)] for k in order]) for t, order in enumerate(orders)], size=size), who, orders


def test_strict_rankings_as_choix():
    said, who, orders = ranked(300, seed=1)
    data = [tuple(map(int, writers[order])) for writers, order in zip(who, orders, strict=True)]

    expected = choix.opt_rankings(5, data)

    found = plackett_luce(said, policies=who, size=5).values
    assert found == pytest.approx(expected - expected.mean(), abs=1e-4)


def test_of_two_answers_without_ties_it_is_bradley_terry():
    said, who, _ = ranked(200, seed=2, size=2)

    found = plackett_luce(said, policies=who, size=5)

    expected = bradley_terry(matches_of(said, policies=who, size=5))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-7)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=1e-7)


def test_strengths_lie_in_their_intervals_in_about_95_of_100_samples():
    held = []
    for seed in range(100):
        said, who, _ = ranked(150, seed=seed)
        figures = plackett_luce(said, policies=who, size=5).figures
        held += [figure.low <= true <= figure.high for figure, true in zip(figures, TRUE, strict=True)]
    assert 0.92 < np.mean(held) < 0.98


def test_those_who_always_tie_are_as_strong():
    rows = [(t, "a", [[0, 1], [2]] if t % 3 else [[2], [0, 1]]) for t in range(30)]

    found = plackett_luce(said_of(rows, size=3), policies=np.tile([0, 1, 2], (30, 1)), size=3).values

    assert found[0] == pytest.approx(found[1])
    assert found[0] > found[2]


def test_a_weight_of_two_is_twice_the_same_ranking():
    said, who, _ = ranked(60, seed=3)
    doubled = said.only(np.ones(60, dtype=bool))
    twice = said_of(
        [(t, who_said, [[int(k)] for k in np.argsort(r)]) for who_said in "ab" for t, r in enumerate(doubled.ranks)],
        size=3,
    )

    weighed = plackett_luce(said, policies=who, size=5, weights=np.full(60, 2.0))

    np.testing.assert_allclose(weighed.values, plackett_luce(twice, policies=who, size=5).values, atol=1e-8)


def test_answers_left_out_and_of_nobody_known_say_nothing():
    rows = [(t, "a", [[0], [1]] if t % 3 else [[1], [0]]) for t in range(30)]
    more = [(t, "a", [[*ranking[0]], [2], ranking[1]]) for t, _, ranking in rows]

    plain = plackett_luce(said_of(rows, size=2), policies=np.tile([0, 1], (30, 1)), size=2).values
    found = plackett_luce(said_of(more, size=3), policies=np.tile([0, 1, -1], (30, 1)), size=2).values

    np.testing.assert_allclose(found, plain, atol=1e-9)


def test_who_never_lost_has_a_number_and_it_is_said():
    rows = [(t, "a", [[0], [1], [2]]) for t in range(20)]

    found = plackett_luce(said_of(rows, size=3), policies=np.tile([0, 1, 2], (20, 1)), size=3)

    assert found.separated
    assert found.values[0] > found.values[1] > found.values[2]


def test_policies_that_never_met_are_refused():
    said = said_of([("t", "a", [[0], [1]]), ("u", "a", [[1], [0]])], size=2)

    with pytest.raises(NotComparable):
        plackett_luce(said, policies=np.array([[0, 1], [2, 3]]), size=4)


def test_tasks_that_hang_together_make_the_interval_wider():
    said, who, _ = ranked(40, seed=5)
    copies = said_of(
        [(t, "a", [[int(k)] for k in np.argsort(r)]) for t, r in enumerate(np.repeat(said.ranks, 5, axis=0))], size=3
    )
    five = np.repeat(who, 5, axis=0)

    alone = plackett_luce(said, policies=who, size=5)
    together = plackett_luce(copies, policies=five, size=5, clusters=np.arange(200) // 5)

    np.testing.assert_allclose(together.values, alone.values, atol=1e-8)
    np.testing.assert_allclose(together.covariance, alone.covariance, atol=1e-8)


def test_what_weighs_nothing_is_as_if_it_were_not_there():
    said, who, _ = ranked(120, seed=6)
    half = np.arange(120) % 2 == 0

    found = plackett_luce(said, policies=who, size=5, weights=half.astype(float))

    expected = plackett_luce(said.only(half), policies=who, size=5)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=1e-10)


@pytest.mark.parametrize(("places", "whole"), [((0, 3), -0.318), ((1, 2), 0.224)])
def test_an_uneven_policy_is_average_by_comparisons_and_not_by_whole_rankings(places, whole):
    """Half of the time at one place of four, half at the other, and the others before and after it in every order."""
    orders = [order for place in places for order in permutations(range(4)) if order[place] == 0] * 5
    said = said_of([(t, "a", [[k] for k in order]) for t, order in enumerate(orders)], size=4)
    who = np.tile(np.arange(4), (len(orders), 1))

    by_comparisons = bradley_terry(matches_of(said, policies=who, size=4)).values
    by_whole = plackett_luce(said, policies=who, size=4).values

    assert by_comparisons[0] == pytest.approx(0, abs=1e-6)
    assert by_whole[0] == pytest.approx(whole, abs=5e-4)

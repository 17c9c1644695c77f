from itertools import combinations

import numpy as np
import pytest
from scipy.stats import kendalltau

from annotation.stats.agreement.orders import couples, tau_b, top_1
from tests.annotation.stats.said import said_of


def groups_of(ranks):
    return [np.flatnonzero(ranks == rank).tolist() for rank in np.unique(ranks)]


def repeated(*rankings, size, times=10):
    rows = [(number, who, ranking) for number in range(times) for who, ranking in enumerate(rankings)]
    return said_of(rows, size=size)


def test_couples_are_all_two_rows_of_a_task():
    tasks = np.array([3, 1, 3, 2, 3, 1])

    found = {frozenset((int(a), int(b))) for one, other in couples(tasks) for a, b in zip(one, other, strict=True)}

    assert found == {frozenset(c) for c in [(0, 2), (0, 4), (2, 4), (1, 5)]}


def test_tau_b_as_scipy():
    chance = np.random.default_rng(1)
    ranks = chance.integers(0, 4, (40, 3, 5))  # tasks, people, answers
    rows = [(t, who, groups_of(ranks[t, who])) for t in range(40) for who in range(3)]
    taus = [kendalltau(ranks[t, a], ranks[t, b]).statistic for t in range(40) for a, b in combinations(range(3), 2)]

    found = tau_b(said_of(rows, size=5))

    assert found.value == pytest.approx(np.nanmean(taus))
    assert (found.n, found.groups) == (np.count_nonzero(~np.isnan(taus)), 40)


def test_tau_b_is_of_what_both_ranked():
    assert tau_b(repeated([[0], [1], [2]], [[1], [0]], size=3)).value == pytest.approx(-1)


def test_who_ties_everything_has_no_tau_b():
    assert tau_b(repeated([[0, 1, 2]], [[0], [1], [2]], size=3)).n == 0


def test_opposite_orders_keep_an_interval_within_the_scale():
    found = tau_b(repeated([[0], [1], [2]], [[2], [1], [0]], size=3, times=30))

    assert found.low == found.value == -1
    assert -1 < found.high < -0.7


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([[0], [1], [2]], [[0], [2], [1]], 1),
        ([[0], [1], [2]], [[1], [0], [2]], 0),
        ([[0, 1], [2]], [[0, 1], [2]], 1),
        ([[0, 1], [2]], [[0], [1, 2]], 1 / 2),
        ([[0, 1, 2]], [[2], [0], [1]], 1 / 3),
        ([[2], [0], [1]], [[0], [1]], 1),  # the one did not rank 2
    ],
)
def test_top_1_by_hand(one, other, expected):
    assert top_1(repeated(one, other, size=3)).value == pytest.approx(expected)


def test_of_one_common_answer_nothing_comes_first():
    assert top_1(repeated([[0], [1]], [[0], [2]], size=3)).n == 0

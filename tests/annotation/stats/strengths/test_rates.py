import numpy as np
import pytest

from annotation.stats.agreement.pairs import pair_counts
from annotation.stats.strengths.ceiling import ceiling, of_agreement
from annotation.stats.strengths.rates import length_controlled, win_rates
from tests.annotation.stats.said import said_of
from tests.annotation.stats.strengths.test_bradley_terry import matches


def by_length(number, *, seed, skill, taste):
    """The first of two policies writes longer; people like both its skill and length."""
    chance = np.random.default_rng(seed)
    longer = chance.normal(200, 300, number)
    likely = 1 / (1 + np.exp(-(skill + taste * np.tanh(longer / np.sqrt(np.mean(longer**2))))))
    won = chance.random(number) < likely
    counts = np.stack([won, np.zeros(number), ~won], axis=1)
    return matches(np.zeros(number, int), np.ones(number, int), counts, size=2, longer=longer)


def test_a_tie_is_half_a_win_and_rates_of_two_add_up():
    found = win_rates(matches([0] * 12, [1] * 12, [[1, 0, 0]] * 6 + [[0, 1, 0]] * 6, size=2))

    assert (found[0].value, found[1].value) == (0.75, 0.25)
    assert found[0].low == pytest.approx(1 - found[1].high)


def test_at_equal_length_the_liking_for_length_is_gone():
    found = by_length(4000, seed=1, skill=0.0, taste=2.0)

    assert win_rates(found)[0].value > 0.6
    assert length_controlled(found)[0].value == pytest.approx(0.5, abs=0.04)


def test_length_controlled_rates_lie_in_their_intervals_in_about_95_of_100_samples():
    truth = 1 / (1 + np.exp(-0.5))
    figures = [length_controlled(by_length(300, seed=seed, skill=0.5, taste=1.0))[0] for seed in range(200)]

    assert 0.91 < np.mean([figure.low <= truth <= figure.high for figure in figures]) < 0.99


def test_without_lengths_it_says_so():
    found = matches([0] * 12, [1] * 12, [[1, 0, 0]] * 12, size=2)

    assert length_controlled(found)[0].missing == "the lengths of the answers are not known"


@pytest.mark.parametrize(("agreement", "expected"), [(0.5, 0.5), (0.3, 0.5), (1, 1), (2 / 3, 0.75)])
def test_ceiling_by_hand(agreement, expected):
    """Where p is uniform, A = 2/3 and E[max(p, 1 - p)] = 3/4."""
    assert of_agreement(agreement) == pytest.approx(expected)


def test_ceiling_is_between_its_bounds_and_rises():
    agreements = np.linspace(0.5 + 1e-9, 1 - 1e-9, 200)
    found = np.array([of_agreement(agreement) for agreement in agreements])

    assert (np.diff(found) > 0).all()
    assert (found >= agreements - 1e-9).all()
    assert (found <= (1 + np.sqrt(2 * agreements - 1)) / 2 + 1e-9).all()


def test_ceiling_of_two_votes_a_pair_is_that_of_the_people_behind_them():
    chance = np.random.default_rng(2)
    likely = chance.beta(0.7, 0.7, 3000)
    said = said_of(
        [(t, who, [[0], [1]] if chance.random() < likely[t] else [[1], [0]]) for t in range(3000) for who in "ab"],
        size=2,
    )

    found = ceiling(pair_counts(said))

    assert found.low <= np.maximum(likely, 1 - likely).mean() <= found.high

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from annotation.stats.agreement import kappa
from annotation.stats.agreement.pairs import outcomes, pair_counts
from tests.annotation.stats.said import native_rows, said_of_native

# Fleiss (1971), as retold wherever his kappa is explained: 14 people, 10 items, 5 categories.
PUBLISHED = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def two_people(number, *, seed, agree=0.6):
    chance = np.random.default_rng(seed)
    first, wild = chance.integers(0, 3, number), chance.integers(0, 3, number)
    return first, np.where(chance.random(number) < agree, first, wild)


def test_fleiss_published_example():
    assert kappa.fleiss(PUBLISHED, needed=2).value == pytest.approx(0.210, abs=5e-4)


def test_fleiss_as_the_library():
    counts = np.random.default_rng(1).multinomial(4, [0.6, 0.3, 0.1], size=50)

    assert kappa.fleiss(counts).value == pytest.approx(fleiss_kappa(counts))


def test_of_items_with_one_value_fleiss_takes_nothing():
    counts = np.vstack([PUBLISHED, [1, 0, 0, 0, 0]])

    assert kappa.fleiss(counts, needed=2).value == kappa.fleiss(PUBLISHED, needed=2).value


def test_cohen_by_hand():
    """20 both yes, 15 both no, 5 and 10 apart: P_o = 0.7, P_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5."""
    first = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])
    second = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])

    assert kappa.cohen(first, second, categories=2).value == pytest.approx(0.4)


def test_cohen_and_its_interval_as_the_library():
    first, second = two_people(400, seed=2)
    table = np.zeros((3, 3))
    np.add.at(table, (first, second), 1)
    expected = cohens_kappa(table)

    found = kappa.cohen(first, second, categories=3)

    assert found.value == pytest.approx(expected.kappa)
    assert (found.low, found.high) == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.01)


@pytest.mark.parametrize("people", ["cohen", "fleiss"])
def test_intervals_hold_the_truth_in_about_95_of_100_samples(people):
    held = 0
    for seed in range(200):
        first, second = two_people(60, seed=seed)
        if people == "cohen":
            found = kappa.cohen(first, second, categories=3, draws=400)
        else:
            counts = np.eye(3, dtype=np.int64)
            found = kappa.fleiss(counts[first] + counts[second], draws=400)
        held += found.low <= 0.6 <= found.high
    assert 0.90 < held / 200 < 0.99


def test_who_is_called_the_first_does_not_matter():
    first, second = two_people(100, seed=4)

    assert kappa.cohen(first, second, categories=3).value == kappa.cohen(second, first, categories=3).value


@pytest.mark.parametrize("number", [19, 30])
def test_too_little_or_no_variety_is_said(number):
    alike = np.zeros(number, dtype=np.int64)

    missing = kappa.cohen(alike, alike, categories=3).missing

    assert missing.startswith("not enough: 19 of the 20" if number < 20 else "everybody always said the same")


@pytest.fixture(scope="module")
def pandalm():
    return said_of_native(native_rows("pandalm"), size=2)


def test_pandalm_has_the_published_kappas_of_cohen(pandalm):
    ((_, _, said),) = outcomes(pandalm.ranks)
    by_person = np.empty((3, pandalm.number_of_tasks), dtype=np.int64)
    by_person[pandalm.annotators, pandalm.tasks] = said

    found = [kappa.cohen(by_person[a], by_person[b], categories=3).value for a, b in ((0, 1), (0, 2), (1, 2))]

    assert found == pytest.approx([0.852, 0.879, 0.862], abs=5e-4)


def test_pandalm_has_the_published_kappa_of_fleiss(pandalm):
    assert kappa.fleiss_of_pairs(pair_counts(pandalm)).value == pytest.approx(0.864, abs=5e-4)

import json

import krippendorff
import numpy as np
import pytest

from annotation.stats.agreement.alpha import alpha, alpha_of_pairs
from annotation.stats.agreement.pairs import PairCounts, pair_counts
from tests.annotation.stats.said import data, said_of

LEVELS = ("nominal", "ordinal", "interval")
# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C: four observers, twelve units.
_ = np.nan
UNITS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)


def of_table(table, *, level, needed=2, **more):
    """`table` (people, items)."""
    items = np.tile(np.arange(table.shape[1]), table.shape[0])
    return alpha(items=items, values=table.ravel(), level=level, needed=needed, **more)


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example(level, expected):
    assert of_table(UNITS, level=level).value == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("grades", [2, 5, 30])
def test_as_the_library(level, grades):
    chance = np.random.default_rng(grades)
    truth = chance.integers(0, grades, 40)
    table = np.clip(truth + chance.integers(-1, 2, (5, 40)), 0, grades - 1).astype(float)
    table[chance.random(table.shape) < 0.3] = np.nan

    expected = krippendorff.alpha(reliability_data=table, level_of_measurement=level)

    assert of_table(table, level=level).value == pytest.approx(expected)


def test_renaming_people_and_categories_changes_nothing():
    other = 7.0 - UNITS[::-1]

    assert of_table(other, level="nominal").value == pytest.approx(of_table(UNITS, level="nominal").value)


def test_of_items_with_one_value_nothing_is_taken():
    wider = np.hstack([UNITS, np.array([[9.0], [_], [_], [_]])])

    assert of_table(wider, level="interval").value == of_table(UNITS, level="interval").value


def test_nineteen_items_are_not_enough():
    found = of_table(np.ones((2, 19)), level="nominal", needed=20)

    assert found.missing == "not enough: 19 of the 20 items that a number needs"


def test_without_any_variety_there_is_no_number_but_a_reason():
    found = of_table(np.ones((3, 30)), level="interval")

    assert found.value is None
    assert found.missing.startswith("everybody always said the same")


def test_perfect_agreement_has_an_interval_of_honest_width():
    found = of_table(np.tile(np.arange(30) % 3, (2, 1)).astype(float), level="nominal")

    assert (found.value, found.high) == (1, 1)
    assert 0.85 < found.low < 0.95


@pytest.mark.parametrize(
    ("level", "grades"), [("nominal", 4), ("ordinal", 4), ("interval", 4), ("ordinal", 3000), ("interval", 3000)]
)
def test_intervals_hold_the_truth_in_about_95_of_100_samples(level, grades):
    chance = np.random.default_rng(5)

    def drawn(number):
        truth = chance.integers(0, grades, number)
        wild = chance.integers(0, grades, (3, number))
        return np.where(chance.random((3, number)) < 0.7, truth, wild).astype(float)

    expected = of_table(drawn(100_000), level=level, draws=10).value
    found = [of_table(drawn(60), level=level, draws=400, seed=seed) for seed in range(200)]

    assert 0.90 < np.mean([one.low <= expected <= one.high for one in found]) < 0.99


def test_items_of_one_task_are_drawn_together():
    chance = np.random.default_rng(6)
    truth, wild = chance.integers(0, 3, 40), chance.integers(0, 3, (2, 40))
    table = np.where(chance.random(40) < 0.5, truth, wild).astype(float)
    thrice = np.repeat(table, 3, axis=1)
    clusters = np.tile(np.repeat(np.arange(40), 3), 2)

    once, apart = of_table(table, level="nominal"), of_table(thrice, level="nominal")
    together = of_table(thrice, level="nominal", clusters=clusters)

    assert (together.n, together.groups) == (120, 40)
    assert together.high - together.low == pytest.approx(once.high - once.low, rel=0.1)
    assert apart.high - apart.low < 0.7 * (once.high - once.low)


def test_which_answer_of_a_pair_is_called_first_does_not_matter():
    chance = np.random.default_rng(7)
    counts = chance.multinomial(4, [0.5, 0.2, 0.3], size=50)

    def of(table):
        return alpha_of_pairs(
            PairCounts(tasks=np.arange(50), first=np.zeros(50, np.int8), second=np.ones(50, np.int8), counts=table)
        ).value

    which = chance.random(50) < 0.5
    assert of(np.where(which[:, None], counts[:, ::-1], counts)) == pytest.approx(of(counts))


def test_pairs_counted_both_ways_round_are_the_library_s():
    rows = [(t, who, [[0], [1]] if (t * 7 + who * 3) % 5 < 3 else [[0, 1]]) for t in range(60) for who in range(3)]
    counts = pair_counts(said_of(rows, size=2))

    both = np.vstack([counts.counts, counts.counts[:, ::-1]])

    expected = krippendorff.alpha(value_counts=both, level_of_measurement="nominal")
    assert alpha_of_pairs(counts).value == pytest.approx(expected, abs=0.01)  # it counts every value twice


def test_dices_has_the_published_alpha():
    with data("judge-bench/dices_350_crowdsourced.json") as file:
        instances = json.load(file)["instances"]
    (metric,) = instances[0]["annotations"]
    said = [one["annotations"][metric]["individual_human_scores"] for one in instances]
    codes = {value: code for code, value in enumerate(sorted({str(value) for row in said for value in row}))}
    items = np.repeat(np.arange(len(said)), [len(row) for row in said])
    values = np.array([codes[str(value)] for row in said for value in row], dtype=float)

    assert alpha(items=items, values=values, level="nominal").value == pytest.approx(0.16086, abs=5e-6)


def test_newsroom_has_the_published_alphas():
    with data("judge-bench/newsroom.json.gz") as file:
        instances = json.load(file)["instances"]
    found = []
    for metric in instances[0]["annotations"]:
        said = [one["annotations"][metric]["individual_human_scores"] for one in instances]
        items = np.repeat(np.arange(len(said)), [len(row) for row in said])
        values = np.array([value for row in said for value in row], dtype=float)
        found.append(alpha(items=items, values=values, level="ordinal").value)

    assert sorted(found) == pytest.approx(sorted([0.28487, 0.11512, -0.01581, 0.06497]), abs=5e-6)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("overall-rating", 0.798),
        ("selection-rating", 0.781),
        ("correctness-rating", 0.459),
        ("overall-rank", 0.797),
    ],
)
def test_squality_has_the_published_alphas(field, expected):
    with data("squality/all-responses.jsonl.gz") as lines:
        reviews = [
            response["reviews"]
            for story in map(json.loads, lines)
            for question in story["questions"].values()
            for response in question.values()
        ]
    values = np.array([[float(review[field]) for review in found] for found in reviews])  # (responses, 3)
    items = np.repeat(np.arange(len(reviews)), 3)

    assert alpha(items=items, values=values.ravel(), level="interval").value == pytest.approx(expected, abs=5e-4)

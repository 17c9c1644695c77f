"""Do scores mean probabilities, do they follow length, and what the report says of it."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ml.reporting.test_slices import told
from training.ml.reporting import calibration, correlation, reports


def margin_of(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_ece_of_two_bins_worked_by_hand() -> None:
    """Four pairs at 0.72, three right: |3/4 - 0.72| = 0.03. One at 0.97, wrong: 0.97. Together 1.09 / 5."""
    found = calibration.reliability([margin_of(p) for p in (0.72, 0.72, 1 - 0.72, 0.72, 1 - 0.97)])
    assert found["ece"] == pytest.approx(0.218, abs=1e-6)
    assert found["n"] == 5
    assert found["bins"][4] == {"low": 0.7, "high": 0.75, "n": 4, "confidence": 0.72, "accuracy": 0.75}
    assert found["bins"][9] == {"low": 0.95, "high": 1.0, "n": 1, "confidence": 0.97, "accuracy": 0.0}
    assert found["bins"][0] == {"low": 0.5, "high": 0.55, "n": 0, "confidence": None, "accuracy": None}


def test_equal_scores_are_as_sure_as_they_are_right() -> None:
    found = calibration.reliability([0.0, 0.0])
    assert found["ece"] == 0
    assert found["bins"][0]["confidence"] == found["bins"][0]["accuracy"] == 0.5


def test_a_margin_beyond_all_floats_is_sure() -> None:
    assert calibration.reliability([5000.0, -5000.0])["ece"] == 0.5


@pytest.mark.parametrize("margins", [[], [1.0, math.nan], [math.inf]])
def test_nothing_is_known_without_finite_margins(margins: list[float]) -> None:
    assert calibration.reliability(margins) == {"ece": None, "n": len(margins), "bins": []}


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=50))
def test_the_table_accounts_for_every_pair_and_gives_the_error(margins: list[float]) -> None:
    found = calibration.reliability(margins)
    filled = [row for row in found["bins"] if row["n"]]
    assert sum(row["n"] for row in filled) == len(margins)
    gaps = sum(row["n"] * abs(row["confidence"] - row["accuracy"]) for row in filled)
    assert found["ece"] == pytest.approx(gaps / len(margins), abs=5e-6)
    assert all(row["low"] - 1e-6 <= row["confidence"] <= row["high"] + 1e-6 for row in filled)
    assert all(before["high"] == after["low"] for before, after in pairwise(found["bins"]))


def test_correlation_counts_each_answer_of_a_prompt_once() -> None:
    """Lengths 1, 2, 3 with scores 1, 3, 2: r = ρ = 1/2. One more prompt with the same text is another answer."""
    pairs = [told("p", "aa", "a"), told("p", "aa", "aaa"), told("p", "aaa", "a")]
    scores = [(3.0, 1.0), (3.0, 2.0), (2.0, 1.0)]
    assert correlation.with_length(pairs, scores) == {"pearson": 0.5, "spearman": 0.5, "n": 3}
    assert correlation.with_length([*pairs, told("q", "aa", "a")], [*scores, (0.0, 0.0)])["n"] == 5


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert correlation.ranks([10.0, 7.0, 10.0, 12.0, 10.0]) == [3, 1, 3, 5, 3]


def test_spearman_sees_order_only() -> None:
    """Ranks 1 2.5 2.5 4 and 1 2 3 4: ρ = 4.5 / √(4.5 · 5)."""
    assert correlation.spearman([0, 1, 1, 50], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(22.5))
    assert correlation.spearman([1, 2, 3], [-1, -10, -1000]) == pytest.approx(-1)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0], [1.0, math.nan], [1.0, math.inf]])
def test_there_is_no_correlation_with_what_does_not_vary_or_is_not_finite(values: list[float]) -> None:
    lengths = [float(i) for i in range(len(values))]
    assert correlation.pearson(lengths, values) is None
    assert correlation.spearman(lengths, values) is None


samples = st.lists(st.tuples(st.integers(1, 500), st.integers(-999, 999)), min_size=2, max_size=40)


@given(samples)
def test_pearson_is_that_of_numpy_and_has_no_direction(sample: list[tuple[int, int]]) -> None:
    first, second = ([float(value) for value in side] for side in zip(*sample, strict=True))
    found = correlation.pearson(first, second)
    assert (found is None) == (len(set(first)) < 2 or len(set(second)) < 2)
    if found is not None:
        assert found == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-9)
        assert found == pytest.approx(correlation.pearson(second, first))


@given(samples)
def test_spearman_does_not_change_when_scores_are_stretched(sample: list[tuple[int, int]]) -> None:
    first, second = ([float(value) for value in side] for side in zip(*sample, strict=True))
    assert correlation.spearman(first, second) == correlation.spearman(first, [value**3 for value in second])


def held_out(**parts: dict[str, Any]) -> dict[str, Any]:
    """A part of a report that gives no reason to warn."""
    return {
        "accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n_pairs": 100, "n_prompts": 100},
        "human_ceiling": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50, "n_pairs": 50, "n_prompts": 50},
        "calibration": {"ece": 0.05, "n": 100, "bins": []},
        "length": {"pearson": 0.2, "spearman": -0.5, "n": 200},
    } | parts


NO_CEILING = {"value": None, "low": None, "high": None, "n": 0, "n_pairs": 0, "n_prompts": 0}


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"human_ceiling": NO_CEILING, "accuracy": NO_CEILING},
        {"calibration": {"ece": 0.4, "n": 99, "bins": []}},
        {"calibration": {"ece": None, "n": 0, "bins": []}},
        {"length": {"pearson": 1.0, "spearman": 1.0, "n": 9}},
        {"length": {"pearson": None, "spearman": None, "n": 30}},
    ],
)
def test_no_warning_without_a_reason_or_with_too_little_to_tell(parts: dict[str, Any]) -> None:
    assert reports.trust_warnings(held_out(**parts)) == []


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"human_ceiling": held_out()["human_ceiling"] | {"high": 0.79}}, "above the agreement of people"),
        ({"human_ceiling": NO_CEILING}, "there is no human ceiling: no held-out pair was judged by two people"),
        ({"calibration": {"ece": 0.11, "n": 100, "bins": []}}, "expected calibration error 0.11 on 100 pairs"),
        ({"length": {"pearson": 0.1, "spearman": -0.51, "n": 10}}, "correlation -0.51 over 10 held-out answers"),
    ],
)
def test_what_speaks_against_the_scores_is_said(parts: dict[str, Any], sentence: str) -> None:
    (warning,) = reports.trust_warnings(held_out(**parts))
    assert sentence in warning

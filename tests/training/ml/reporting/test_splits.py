"""Training pairs beside held-out ones, and a model that tells nothing apart."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.ml.reporting.test_slices import told
from training.exceptions import RunFailed
from training.ml import preferences
from training.ml.data.pairs import Pair
from training.ml.preferences import Scores
from training.ml.reporting import collapse, evaluation, reports, splits


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 99))
def test_a_small_split_is_taken_whole(prompts: list[int], seed: int) -> None:
    pairs = [told(f"p{prompt}", "a", f"b{i}") for i, prompt in enumerate(prompts)]
    drawn = splits.sample(pairs, seed=seed)
    assert len(drawn) == len(pairs)
    assert set(drawn) == set(pairs)


def test_of_a_large_one_whole_prompts_are_drawn_until_there_are_answers_enough() -> None:
    """Each prompt has three answers in two pairs: 134 prompts reach 400 answers."""
    pairs = [told(f"p{i}", "best", worse) for i in range(1000) for worse in ("second", "third")]
    drawn = splits.sample(pairs, seed=3)
    assert len(drawn) == 2 * 134
    assert len({pair.prompt for pair in drawn}) == 134
    assert splits.sample(pairs, seed=3) == drawn
    assert splits.sample(pairs, seed=4) != drawn


def accuracies(*, train: list[float], test: list[float]) -> dict[str, Any]:
    def pairs(name: str, margins: list[float]) -> list[Pair]:
        return [told(f"{name}{i}", "a", "b") for i in range(len(margins))]

    held_out = evaluation.accuracy(evaluation.outcomes_of(pairs("test", test), margins=test), seed=1)
    return splits.accuracies(held_out=held_out, sampled=pairs("train", train), margins=train, of=900, seed=1)


def test_what_was_learnt_by_heart_is_told_with_both_accuracies() -> None:
    found = accuracies(train=[1.0] * 40, test=[1.0, -1.0] * 20)
    assert (found["train"]["value"], found["train"]["n_pairs"], found["train"]["of_pairs"]) == (1, 40, 900)
    assert (found["test"]["value"], found["test"]["n_pairs"]) == (0.5, 40)
    (warning,) = reports.overfitting_warnings(found)
    assert warning.startswith(
        "learnt by heart: 100.0 % of 40 training pairs are right and 50.0 % of the held-out ones"
    )


@pytest.mark.parametrize(
    ("train", "test"),
    [([1.0, -1.0] * 20, [1.0, -1.0] * 20), ([-1.0] * 40, [1.0] * 40), ([1.0] * 40, [])],
    ids=["alike", "worse", "nothing held out"],
)
def test_splits_that_say_nothing_against_the_model_give_no_warning(train: list[float], test: list[float]) -> None:
    assert reports.overfitting_warnings(accuracies(train=train, test=test)) == []


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ([(1e-9, 0.0), (5.0, 5.0 + 1e-8)], True),  # apart between prompts, one score within each
        ([(100.0, 100.05), (100.02, 99.99)], True),  # a thousandth of what they are
        ([(1e-9, 0.0), (0.0, 0.1)], False),
        ([(1e-4, 2e-4), (3e-4, 1e-4)], False),  # small, but apart
        ([(100.0, 101.0), (99.0, 100.0)], False),
        ([], False),
    ],
)
def test_scores_that_are_one_score_are_a_collapse(scores: list[tuple[float, float]], found: bool) -> None:
    assert collapse.collapsed(scores) == found


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_of_scores_that_are_no_numbers_no_report_is_made(broken: float) -> None:
    with pytest.raises(RunFailed, match="scores of 1 of 2 pairs are no number: lower the learning rate"):
        preferences.check_finite([Scores(1.0, 2.0), Scores(1.0, broken)])


def test_a_number_that_is_none_is_found_wherever_it_stands() -> None:
    reports.check_numbers({"held_out": {"loss_after": 1.5, "bins": [{"n": 0, "accuracy": None}]}})
    with pytest.raises(RunFailed, match=r"held_out\.bins\.1\.accuracy of the trained model is no number"):
        reports.check_numbers({"bins": [{}, {"accuracy": math.nan}]}, name="held_out")

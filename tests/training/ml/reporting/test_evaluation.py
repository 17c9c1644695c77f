"""Accuracy, its interval and its baselines against cases worked by hand."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from training.ml.data.pairs import Pair
from training.ml.reporting import evaluation, reports
from training.ml.reporting.evaluation import Outcome


def outcomes(*groups: list[float]) -> list[Outcome]:
    return [Outcome(prompt_id=str(i), credit=credit) for i, group in enumerate(groups) for credit in group]


def pair(prompt: str, chosen: str, rejected: str, policies: tuple[str, str] = ("", "")) -> Pair:
    return Pair(
        prompt=(("user", prompt),),
        chosen=chosen,
        rejected=rejected,
        chosen_policy=policies[0],
        rejected_policy=policies[1],
    )


def test_the_value_is_the_share_of_pairs_with_half_for_undecided() -> None:
    found = evaluation.accuracy(outcomes([1, 1, 0], [0.5]), seed=1)
    assert found["value"] == 0.625
    assert (found["n_pairs"], found["n_prompts"]) == (4, 2)


def test_the_interval_is_that_of_all_draws_of_two_prompts() -> None:
    """One right, one wrong: a draw of two is 0 in a quarter, 1/2 in half, 1 in a quarter of cases."""
    found = evaluation.accuracy(outcomes([1], [0]), seed=1)
    assert (found["low"], found["high"]) == (0, 1)


def test_the_interval_agrees_with_every_possible_draw_counted_out() -> None:
    right, pairs = np.array([3, 1, 0, 2]), np.array([3, 4, 1, 2])
    every = [right[list(drawn)].sum() / pairs[list(drawn)].sum() for drawn in product(range(4), repeat=4)]
    found = evaluation.accuracy(outcomes([1, 1, 1], [1, 0, 0, 0], [0], [1, 1]), seed=3)
    low, high = np.quantile(every, [0.025, 0.975])
    assert found["low"] == pytest.approx(low, abs=0.06)
    assert found["high"] == pytest.approx(high, abs=0.06)


def test_pairs_of_one_prompt_do_not_narrow_the_interval() -> None:
    """Ten prompts, each with one pair or with the same pair twenty times, tell equally much."""
    credits = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    once = evaluation.accuracy(outcomes(*[[credit] for credit in credits]), seed=5)
    often = evaluation.accuracy(outcomes(*[[credit] * 20 for credit in credits]), seed=5)
    assert (once["low"], once["high"]) == (often["low"], often["high"])


def test_one_prompt_tells_nothing_of_others_and_none_nothing_at_all() -> None:
    one = evaluation.accuracy(outcomes([1, 1]), seed=1)
    none = evaluation.accuracy([], seed=1)
    assert (one["low"], one["high"]) == (0, 1)
    assert none == {"value": None, "low": None, "high": None, "n_pairs": 0, "n_prompts": 0}


def test_the_same_seed_gives_the_same_interval() -> None:
    some = outcomes([1], [0], [1], [1, 0])
    assert evaluation.accuracy(some, seed=9) == evaluation.accuracy(some, seed=9)


def test_baselines_know_length_and_policies_only() -> None:
    train = [
        pair("t", "x", "y", ("new", "old")),
        pair("u", "x", "y", ("new", "old")),
        pair("v", "x", "y", ("old", "new")),
    ]
    held_out = [
        pair("p", "long one", "short", ("old", "new")),
        pair("q", "a", "b", ("new", "old")),
        pair("r", "a", "bb"),
    ]
    found = evaluation.held_out(held_out, margins=[1, 1, 1], train=train, ties=2, seed=1)
    assert found["accuracy"]["value"] == 1
    assert found["baselines"]["longest"]["value"] == 0.5
    assert found["baselines"]["majority"]["value"] == 0.5
    assert found["ties"] == 2


def measured(margins: list[float], *, longer_is_better: bool) -> dict[str, Any]:
    """The held-out part of a model that tells answers apart."""
    texts = ("the longer", "short") if longer_is_better else ("short", "the longer")
    pairs = [pair(str(i), *texts) for i in range(4)]
    return evaluation.held_out(pairs, margins=margins, train=pairs, ties=0, seed=1) | {"collapsed": False}


def test_a_model_worse_than_taking_the_longer_answer_says_so_first() -> None:
    found = measured([1, -1, -1, 1], longer_is_better=True)
    assert reports.accuracy_headline("Reward model", found).startswith("Worse than taking the longer answer. ")
    assert any("'longest'" in warning for warning in reports.accuracy_warnings(found))


def test_a_model_that_only_equals_the_longer_answer_says_so_first() -> None:
    found = measured([1, 1, 1, 1], longer_is_better=True)
    assert reports.accuracy_headline("Reward model", found).startswith("No better than taking the longer answer. ")
    assert "held-out accuracy only equals the baseline 'longest'" in reports.accuracy_warnings(found)


def test_a_model_that_beats_the_longer_answer_begins_with_its_accuracy() -> None:
    found = measured([1, 1, 1, -1], longer_is_better=False)
    assert reports.accuracy_headline("Reward model", found).startswith("Reward model: held-out accuracy 75.0 %")
    assert not any("'longest'" in warning for warning in reports.accuracy_warnings(found))


def test_a_model_that_gives_every_answer_one_score_says_so_before_all_else() -> None:
    found = measured([1e-9, 0, -1e-9, 1e-8], longer_is_better=False) | {"collapsed": True}
    assert reports.accuracy_headline("Reward model", found).startswith("Collapsed: every answer to a prompt gets the")
    assert "Worse" not in reports.accuracy_headline("Reward model", found)


def test_without_held_out_pairs_the_headline_claims_nothing_but_a_collapse() -> None:
    found = evaluation.held_out([], margins=[], train=[], ties=0, seed=1) | {"collapsed": False}
    assert "nothing is known" in reports.accuracy_headline("Reward model", found)
    assert reports.accuracy_headline("Reward model", found | {"collapsed": True}).startswith("Collapsed: ")


def test_fine_tuning_that_made_nothing_better_says_so_first() -> None:
    losses = {"loss_before": 1.0, "loss_after": 0.5, "n": 3}
    assert reports.loss_headline(losses).startswith("Supervised fine-tuning: held-out loss 1.000 -> 0.500")
    assert reports.loss_headline(losses | {"loss_after": 1.0}).startswith("No better than before. ")

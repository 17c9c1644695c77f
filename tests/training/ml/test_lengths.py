"""Length as something else than quality: the slope of a plain fit, and what it does to a reward model."""

import math
import random
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from tests.training.ml import builders
from tests.training.ml.test_reward import PACKED, won
from training.ml import lengths
from training.ml.data.batches import Item
from training.ml.data.groups import Edge
from training.ml.knobs import RewardKnobs
from training.ml.reward import RewardLoss
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training


def pair(better: int, worse: int) -> Item:
    """Two answers of so many tokens."""
    edge = Edge(better=0, worse=1, tie=False, margin=0.0, weight=1.0)
    return Item(prompt=[1], answers=[[2] * better, [3] * worse], edges=[edge], rankings=[])


def test_the_slope_is_that_of_a_logistic_fit_on_length_alone() -> None:
    drawn = random.Random(3)
    items = [pair(drawn.randint(1, 60), drawn.randint(1, 30)) for _ in range(50)]
    ratios = np.array([math.log(len(item.answers[0]) / len(item.answers[1])) for item in items])
    expected = minimize_scalar(lambda slope: np.logaddexp(0, -slope * ratios).sum() + slope**2 / 2).x
    assert lengths.slope(items, per="prompt") == pytest.approx(expected, rel=1e-5)
    assert expected > 0.2
    turned = [pair(len(item.answers[1]), len(item.answers[0])) for item in items]
    assert lengths.slope(turned, per="prompt") == pytest.approx(-expected, rel=1e-5)


def test_answers_of_one_length_have_no_slope_and_ones_that_always_win_a_finite_one() -> None:
    assert lengths.slope([pair(5, 5)] * 9, per="prompt") == 0
    assert 1 < lengths.slope([pair(50, 5)] * 9, per="prompt") < 9


def test_what_length_explains_is_added_to_the_difference_that_is_learnt() -> None:
    items, scores = [pair(20, 5)], torch.tensor([0.3, 0.1])
    found = RewardLoss(knobs=RewardKnobs(centering=0.0), reading=PACKED, slope=0.7)
    loss = found.of_scores(scores, items, total=1.0).item()
    assert loss == pytest.approx(won(0.2 + 0.7 * math.log(4)), rel=1e-6)


def confounded_rows(train: int = 120, test: int = 40) -> list[dict[str, Any]]:
    """People prefer what is polite, and of two polite answers the longer one; held out, length says nothing."""
    drawn, rows = random.Random(5), []
    for number in range(train + test):
        long = " and so on" * drawn.randint(2, 4)
        polite, rude = f"Thank you, {number} it is", f"No. Go away {number}"
        if number >= train:
            better, worse = (text + drawn.choice([long, ""]) for text in (polite, rude))
        else:
            better, worse = (polite + long, polite) if number % 2 else (polite, rude)
        rows.append(
            builders.row(
                f"Question {number}?",
                [f"{better}.", f"{worse}."],
                [[0], [1]],
                split="train" if number < train else "test",
            )
        )
    return rows


@pytest.fixture(scope="module")
def confounded(tmp_path_factory: pytest.TempPathFactory) -> ReleaseReference:
    return builders.release(tmp_path_factory.mktemp("confounded") / "release", confounded_rows())


@pytest.fixture(scope="module")
def reports(
    tmp_path_factory: pytest.TempPathFactory, confounded: ReleaseReference, policy: RunDirectory
) -> dict[str, dict[str, Any]]:
    """By way of taking length out."""
    found = {}
    for kind in ("off", "covariate"):
        run = builders.make_run(
            tmp_path_factory.mktemp("lengths") / kind,
            "rm",
            reference=confounded,
            base=str(policy.model),
            values={"length_debias": kind, "epochs": "2"},
        )
        found[kind] = builders.train(run)
    return found


def test_where_people_like_long_answers_reward_follows_length_less(reports: dict[str, dict[str, Any]]) -> None:
    before, after = (reports[kind]["held_out"]["length"]["pearson"] for kind in ("off", "covariate"))
    assert before > 0.5
    assert after < before - 0.2
    assert reports["covariate"]["held_out"]["accuracy"]["value"] >= 0.9


def test_the_slope_stands_in_the_report(reports: dict[str, dict[str, Any]]) -> None:
    assert reports["covariate"]["train"]["length_slope"] > 0.5
    assert "length_slope" not in reports["off"]["train"]

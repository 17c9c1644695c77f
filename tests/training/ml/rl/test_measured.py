"""Numbers of a policy, by hand."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from training.exceptions import RunFailed
from training.ml.rl import measured


@dataclass(frozen=True)
class Answer:
    answer: tuple[int, ...]
    ended: bool = True


@dataclass(frozen=True)
class Said:
    score: float
    reward: float
    spread: float = 0.0
    cut: bool = False


ANSWERS = [Answer((5, 6, 5, 6, 5, 2)), Answer((7, 5), ended=False)]
SAID = [Said(1.0, 0.5, spread=0.25), Said(4.0, 1.5, cut=True)]
TOKENS: dict[str, Any] = {
    "log_probs": [[-1.0, -1.0, -1.0, -1.0, -1.0, -1.0], [-2.0, -0.5]],
    "reference": [[-1.0, -1.5, -1.0, -1.0, -1.0, -2.0], [-1.0, -0.5]],
    "entropies": [[0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [1.0, 0.0]],
}


def test_rewards_are_means_with_the_standard_deviation_of_single_answers() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS, gold=[2.0, 8.0])
    assert (found.n, found.score, found.score_std, found.reward) == (2, 2.5, 1.5, 1.0)
    assert (found.gold, found.gold_std) == (5.0, 3.0)
    assert (found.spread, found.cut) == (0.125, 0.5)


def test_without_a_held_out_reward_there_is_none() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS)
    assert (found.gold, found.gold_std) == (None, None)


def test_kl_is_in_nats_an_answer_by_both_estimators() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS)
    assert found.kl == pytest.approx((1.5 - 1.0) / 2)  # Σ log π - log π₀: 1.5 and -1
    k3 = [math.exp(-0.5) - 1 + 0.5, math.exp(-1) - 1 + 1, math.exp(1) - 1 - 1]
    assert found.kl3 == pytest.approx(sum(k3) / 2)


def test_the_base_is_nowhere_from_itself() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS | {"reference": TOKENS["log_probs"]})
    assert (found.kl, found.kl3) == (0, 0)


def test_entropy_is_a_mean_over_tokens_and_length_over_answers() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS)
    assert found.entropy == pytest.approx(4.0 / 8)
    assert (found.length, found.ended) == (4.0, 0.5)


def test_variety_is_counted_without_end_tokens() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS)
    assert found.distinct_1 == 3 / 7  # 5 6 5 6 5 and 7 5
    assert found.distinct_2 == 3 / 5  # 56 65 56 65 and 75
    assert found.repetition == 0  # 5656 6565 stand once each; 7 5 is too short


def test_repetition_is_the_share_of_4_grams_that_stood_before() -> None:
    assert measured.repetition([5, 6] * 4) == 3 / 5  # 5656 6565 5656 6565 5656
    assert measured.repetition([5] * 10) == pytest.approx(6 / 7)
    assert measured.repetition([1, 2, 3]) == 0
    assert measured.distinct([[1], []], 2) == 0


def test_what_is_no_number_ends_the_run_by_its_name() -> None:
    broken = TOKENS | {"log_probs": [[math.nan] * 6, [-2.0, -0.5]]}
    with pytest.raises(RunFailed, match=r"its kl, kl3 can no longer be told; lower the learning rate"):
        measured.of(ANSWERS, SAID, **broken)


def test_measurements_are_kept_as_plain_numbers() -> None:
    found = measured.of(ANSWERS, SAID, **TOKENS)
    assert measured.Measured(**found.as_json()) == found
    assert replace(found, kl=1.0).as_json()["kl"] == 1.0

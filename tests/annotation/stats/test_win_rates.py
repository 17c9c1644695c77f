import pytest

from annotation.stats.intervals import wilson
from annotation.stats.win_rates import MINIMUM_PROMPTS, Tally, win_rate, win_rate_by_prompt


def test_a_tie_is_half_a_win() -> None:
    rate = win_rate(wins=10, ties=4, losses=6)

    assert rate.value == 0.6
    assert (rate.n, rate.prompts) == (20, 20)


def test_interval_of_single_comparisons_is_no_narrower_than_wilson() -> None:
    rate = win_rate(wins=30, ties=0, losses=20)

    # 49 effective outcomes of 50: a hair wider than Wilson at n = 50, (0.462, 0.724).
    assert (rate.low, rate.high) == pytest.approx(wilson(0.6 * 49, 49))


def test_ties_never_make_the_interval_narrower_than_wilson() -> None:
    rate = win_rate(wins=1, ties=18, losses=1)

    assert (rate.low, rate.high) == pytest.approx(wilson(10, 20))


def test_too_few_prompts_give_no_number() -> None:
    rate = win_rate(wins=MINIMUM_PROMPTS - 1, ties=0, losses=0)

    assert (rate.value, rate.low, rate.high) == (None, None, None)
    assert str(rate) == "not enough: 9 of the 10 prompts that a number needs"


def test_many_judgements_of_few_prompts_are_not_enough() -> None:
    assert win_rate_by_prompt([Tally(50, 0, 10)] * (MINIMUM_PROMPTS - 1)).value is None


def test_judgements_of_one_prompt_that_agree_widen_the_interval() -> None:
    together = win_rate_by_prompt([Tally(5, 0, 0)] * 12 + [Tally(0, 0, 5)] * 8)
    apart = win_rate(wins=60, ties=0, losses=40)

    assert together.value == apart.value
    assert (together.n, together.prompts) == (100, 20)
    assert (together.low, together.high) == pytest.approx(wilson(0.6 * 19, 19))
    assert together.low < apart.low  # type: ignore[operator]


def test_prompts_without_a_comparison_do_not_count() -> None:
    assert win_rate_by_prompt([Tally(0, 0, 0)] * 50).prompts == 0


def test_winning_everything_keeps_an_interval() -> None:
    rate = win_rate(wins=20, ties=0, losses=0)

    assert (rate.low, rate.high) == pytest.approx((0.8389, 1.0), abs=5e-5)
    assert str(rate) == "100% (95 % interval 84% to 100%, n = 20)"

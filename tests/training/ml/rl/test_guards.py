"""When an alarm is raised, by hand: each limit from both sides."""

from dataclasses import replace
from typing import Any

import pytest

from training.ml.knobs.rl import ALARMS, GuardKnobs
from training.ml.rl import guards
from training.ml.rl.guards import Guards
from training.ml.rl.measured import Measured

START = Measured(
    n=64,
    score=1.0,
    score_std=2.0,
    reward=1.0,
    gold=0.0,
    gold_std=4.0,
    spread=0.5,
    kl=0.0,
    kl3=0.0,
    entropy=2.0,
    length=40.0,
    ended=1.0,
    cut=0.0,
    repetition=0.1,
    distinct_1=0.5,
    distinct_2=0.8,
)


def alarms(knobs: GuardKnobs | None = None, *, start: Measured = START, **now: Any) -> list[str]:
    found = Guards(knobs=knobs or GuardKnobs(), start=start).alarms(replace(start, **now))
    return [alarm.name for alarm in found]


def test_the_base_raises_none() -> None:
    assert alarms(GuardKnobs(max_kl=0.0, min_entropy=2.0)) == []


@pytest.mark.parametrize(
    ("knobs", "within", "over", "name"),
    [
        ({"max_kl": 5.0}, {"kl": 5.0}, {"kl": 5.01}, "kl"),
        ({"min_entropy": 0.5}, {"entropy": 0.5}, {"entropy": 0.49}, "entropy"),
        ({}, {"length": 80.0}, {"length": 81.0}, "length"),
        ({}, {"length": 20.0}, {"length": 19.0}, "length"),
        # The score rises by 1.5 standard deviations; the held-out one by a half, or by less.
        ({}, {"score": 4.0, "gold": 2.0}, {"score": 4.0, "gold": 1.9}, "gap"),
        ({"max_gap": 2.0}, {"score": 3.0, "gold": -4.0}, {"score": 3.0, "gold": -4.1}, "gap"),
        ({}, {"spread": 1.0}, {"spread": 1.01}, "spread"),
        ({}, {"repetition": 0.5}, {"repetition": 0.51}, "repetition"),
    ],
)
def test_an_alarm_is_raised_past_its_limit_and_not_at_it(
    knobs: dict[str, Any], within: dict[str, float], over: dict[str, float], name: str
) -> None:
    assert alarms(GuardKnobs(**knobs), **within) == []
    assert alarms(GuardKnobs(**knobs), **over) == [name]


FAR = {
    "kl": 100.0,
    "entropy": 0.0,
    "length": 999.0,
    "score": 99.0,
    "gold": -99.0,
    "spread": 99.0,
    "repetition": 1.0,
}


def test_all_are_raised_in_order_and_zero_puts_each_to_rest() -> None:
    assert alarms(GuardKnobs(max_kl=1.0, min_entropy=1.0), **FAR) == list(ALARMS)
    resting = GuardKnobs(max_length_drift=0, max_gap=0, max_spread=0, max_repetition=0)
    assert alarms(resting, **FAR) == []


def test_those_that_are_named_stop_the_run() -> None:
    knobs = GuardKnobs(max_kl=1.0, stop_on="gap, repetition")
    found = Guards(knobs=knobs, start=START).alarms(replace(START, **FAR))
    assert [alarm.name for alarm in found if alarm.stops] == ["gap", "repetition"]
    assert [alarm.name for alarm in found if not alarm.stops] == ["kl", "length", "spread"]
    assert not any(
        alarm.stops for alarm in Guards(knobs=replace(knobs, stop_on=""), start=START).alarms(replace(START, **FAR))
    )


def test_a_sentence_says_how_far_and_from_what() -> None:
    (found,) = Guards(knobs=GuardKnobs(), start=START).alarms(replace(START, score=5.0, gold=-4.0))
    assert found.sentence == (
        "the score has risen by 2.00 of the base's standard deviations, the held-out one by -1.00: further apart "
        "than max_gap=1 (over-optimisation)"
    )


def test_what_cannot_be_compared_raises_nothing_and_is_told_if_it_was_to_stop_the_run() -> None:
    bare = replace(START, gold=None, gold_std=None, spread=0.0)
    assert alarms(start=bare, score=99.0, spread=5.0) == []
    assert alarms(start=replace(START, score_std=0.0), score=99.0) == []
    knobs = GuardKnobs(stop_on="kl,gap,spread,entropy,length")
    assert Guards(knobs=knobs, start=bare).idle() == [
        "stop_on=entropy stops nothing: min_entropy is 0",
        "stop_on=gap stops nothing: no reward is held out",
        "stop_on=spread stops nothing: no reward model is an ensemble",
    ]
    assert Guards(knobs=GuardKnobs(), start=bare).idle() == []


def history(*points: tuple[float, float, float | None]) -> list[Measured]:
    return [replace(START, kl=kl, score=score, gold=gold) for kl, score, gold in points]


def test_the_best_is_that_of_the_held_out_reward_within_the_budget() -> None:
    course = history((0, 0, 0.0), (1, 1, 2.0), (2, 2, 3.0), (3, 3, 5.0), (4, 4, 1.0))
    assert guards.best(course, max_kl=None) == 3
    assert guards.best(course, max_kl=2) == 2
    assert guards.best(course, max_kl=0.5) == 0


def test_without_a_held_out_reward_the_score_decides_and_of_equals_the_first() -> None:
    assert guards.best(history((0, 0, None), (1, 2, None), (2, 2, None), (3, 1, None)), max_kl=None) == 1


def test_where_all_are_over_the_budget_the_nearest_is_kept() -> None:
    assert guards.best(history((3, 1, 1.0), (2, 0, 0.0), (4, 9, 9.0)), max_kl=1) == 1

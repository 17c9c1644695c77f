"""Where over-optimisation begins, by hand."""

from typing import Any

import pytest

from training.ml.rl import curve


def course(*golds: float | None, std: float = 1.0, n: int = 100) -> list[dict[str, Any]]:
    return [
        {"step": 10 * place, "kl": float(place**2), "score": float(place), "gold": gold, "gold_std": std, "n": n}
        for place, gold in enumerate(golds)
    ]


def test_points_are_over_the_square_root_of_kl() -> None:
    found = curve.points([*course(0.0, 0.5, 0.25), {"step": 30, "kl": -0.1, "score": 1.0}])
    assert [(point["step"], point["sqrt_kl"], point["score"], point["gold"]) for point in found] == [
        (0, 0.0, 0.0, 0.0),
        (10, 1.0, 1.0, 0.5),
        (20, 2.0, 2.0, 0.25),
        (30, 0.0, 1.0, None),
    ]


@pytest.mark.parametrize(
    ("golds", "place"),
    [
        ((0.0, 1.0, 0.8, 0.5), 2),  # the standard error is 0.1
        ((0.0, 1.0, 0.95, 0.5), 3),
        ((0.0, 1.0, 0.5, 0.95, 0.6), 4),  # it came back once
        ((0.0, 1.0, 0.5, 0.95), None),
        ((0.0, 0.5, 1.0), None),
        ((1.0, 0.5, 0.4), 1),
        ((1.0,), None),
        ((), None),
        ((None, None), None),
    ],
)
def test_over_optimisation_begins_where_the_held_out_reward_stays_below_its_best(
    golds: tuple[float | None, ...], place: int | None
) -> None:
    measurements = course(*golds)
    assert curve.beginning(measurements) == place
    expected = None if place is None else {"step": 10 * place, "sqrt_kl": float(place)}
    assert curve.describe(measurements)["over_optimised"] == expected


def test_few_answers_tell_of_no_fall() -> None:
    assert curve.beginning(course(0.0, 1.0, 0.8, n=4)) is None

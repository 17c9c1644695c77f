"""What a nat of KL costs, by hand."""

import pytest

from training.ml.rl.controllers import Controller

ADAPTIVE = Controller(beta=0.1, target=6.0, horizon=100)


def test_without_a_target_it_stays() -> None:
    assert Controller(beta=0.1).after(100.0, answers=10) == Controller(beta=0.1)


@pytest.mark.parametrize(
    ("kl", "beta"),
    [
        (6.0, 0.1),
        (6.6, 0.101),  # a tenth over the target, a tenth of the horizon
        (5.4, 0.099),
        (60.0, 0.102),  # no step answers to more than a fifth
        (-3.0, 0.098),
    ],
)
def test_it_answers_to_the_error_in_proportion_and_no_more_than_a_fifth(kl: float, beta: float) -> None:
    assert ADAPTIVE.after(kl, answers=10).beta == pytest.approx(beta)


def test_it_rises_while_the_kl_is_above_its_target_and_falls_below_it() -> None:
    above = below = ADAPTIVE
    for _ in range(10):
        above, below = above.after(12.0, answers=10), below.after(1.0, answers=10)
    assert above.beta == pytest.approx(0.1 * 1.02**10)
    assert below.beta == pytest.approx(0.1 * 0.98**10)

"""The curve in a report is the one of the run."""

import pytest

from training.ml.reporting import curves


@pytest.mark.parametrize("count", [0, 1, 39, 40, 41, 1000])
def test_a_curve_has_its_ends_and_no_more_points_than_a_plot_needs(count: int) -> None:
    metrics = [{"step": step, "loss": 1 / step, "learning_rate": 0.1} for step in range(1, count + 1)]
    found = curves.losses(metrics)
    steps = [point["step"] for point in found]
    assert len(found) == min(count, curves.MOST)
    assert steps == sorted(set(steps))
    assert steps[:1] + steps[-1:] == ([1, count] if count else [])
    assert all(point == {"step": point["step"], "loss": 1 / point["step"]} for point in found)


def test_lines_without_a_training_loss_are_no_points() -> None:
    metrics = [{"step": 1, "loss": 2.0}, {"step": 1, "held_out_loss": 3.0}, {"step": 2, "loss": 1.0}]
    assert curves.losses(metrics) == [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]

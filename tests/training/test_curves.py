"""metrics.jsonl as a page reads it: bounded, thinned, and at any moment of its being written."""

import json
from itertools import pairwise

import pytest

from training.actions import curves


def lines(path, steps, **more):
    with path.open("a") as file:
        file.writelines(json.dumps({"step": step, "loss": 1 / (1 + step), **more}) + "\n" for step in steps)
    return path


@pytest.fixture
def metrics(tmp_path):
    return tmp_path / "metrics.jsonl"


@pytest.fixture
def measured_often(metrics):
    """5000 steps, and after every 33rd a line of its held-out loss."""
    for step in range(1, 5001):
        lines(metrics, [step])
        if step % 33 == 0:
            write(metrics, {"step": step, "held_out_loss": 1 / step})
    assert metrics.stat().st_size < curves.SMALL
    return metrics


def write(path, record):
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def steps_of(points):
    return [int(point["step"]) for point in points]


def steps_with(name, points):
    return steps_of(point for point in points if name in point)


def test_every_point_of_a_short_run(metrics):
    assert steps_of(curves.read(lines(metrics, range(1, 40)))) == list(range(1, 40))


def test_only_later_points_are_read_again(metrics):
    lines(metrics, range(5, 500, 5))
    assert steps_of(curves.read(metrics, after=480)) == [485, 490, 495]
    assert curves.read(metrics, after=495) == []
    assert len(curves.read(metrics, after=-1)) == 99


def test_two_lines_of_one_step_are_one_point(metrics):
    lines(metrics, [1, 2])
    write(metrics, {"step": 2, "held_out_loss": 0.5})
    lines(metrics, [3])
    found = curves.read(metrics)
    assert steps_of(found) == [1, 2, 3]
    assert found[1] == {"step": 2, "loss": 1 / 3, "held_out_loss": 0.5}


def test_who_asks_again_for_the_last_step_gets_the_line_that_came_later(metrics):
    lines(metrics, [1, 2])
    assert steps_of(curves.read(metrics)) == [1, 2]
    write(metrics, {"step": 2, "held_out_loss": 0.5})
    assert curves.read(metrics, after=1) == [{"step": 2, "loss": 1 / 3, "held_out_loss": 0.5}]


def test_what_was_measured_on_held_out_prompts_stands_beside_the_step(metrics):
    lines(metrics, [1])
    write(metrics, {"step": 1, "held_out": {"n": 64, "score": 0.25, "score_std": 1.0, "gold": None, "kl": 2.0}})
    write(metrics, {"step": 2, "held_out": "none"})
    assert curves.read(metrics) == [
        {"step": 1, "loss": 1 / 2, "held_out_score": 0.25, "held_out_kl": 2.0},
        {"step": 2},
    ]


def test_a_report_with_two_lines_of_one_step_has_one_point_of_them():
    kept = [{"step": 1, "loss": 2}, {"step": 1, "held_out_loss": 3}, {"step": 2, "loss": 1}]
    assert curves.of_report(kept) == [{"step": 1, "loss": 2, "held_out_loss": 3}, {"step": 2, "loss": 1}]


def test_what_is_measured_seldom_keeps_all_its_points(measured_often):
    found = curves.read(measured_often)
    assert len(found) <= curves.MOST
    assert steps_with("held_out_loss", found) == list(range(33, 5001, 33))
    assert steps_of(found) == sorted(set(steps_of(found)))
    assert (found[0]["step"], found[-1]["step"]) == (1, 5000)
    assert max(later - sooner for sooner, later in pairwise(steps_with("loss", found))) < 4 * 5000 / curves.MOST


def test_a_seldom_curve_that_is_too_long_is_spread_with_both_its_ends():
    points = [{"step": step, "loss": 1} | ({"seldom": 1} if step % 4 == 1 else {}) for step in range(4000)]
    found = curves.thinned(points, most=500)
    seldom = steps_with("seldom", found)
    assert len(found) <= 500
    assert len(seldom) > 200
    assert (seldom[0], seldom[-1]) == (1, 3997)
    assert max(later - sooner for sooner, later in pairwise(seldom)) < 40


def test_a_curve_of_a_few_early_points_leaves_the_others_spread():
    points = [{"step": step, "loss": 1} | ({"early": 1} if step < 400 else {}) for step in range(4000)]
    found = curves.thinned(points, most=20)
    assert len(found) <= 20
    assert max(later - sooner for sooner, later in pairwise(steps_of(found))) < 500


def test_more_curves_than_places_leave_both_ends():
    points = [{"step": step, f"name {step}": 1} for step in range(100)]
    found = curves.thinned(points, most=20)
    assert len(found) <= 20
    assert {0, 99} <= set(steps_of(found))


def test_of_a_file_too_large_to_read_many_seldom_points_are_seen_and_the_last_step_whole(metrics):
    for start in range(1, 40_000, 200):
        lines(metrics, range(start, start + 200), learning_rate=0.001)
        write(metrics, {"step": start + 199, "held_out_loss": 0.5})
    assert metrics.stat().st_size > 2 * curves.SMALL
    found = curves.read(metrics)
    assert len(found) <= curves.MOST
    assert len(steps_with("held_out_loss", found)) > 200 * curves.SMALL / metrics.stat().st_size / 2
    assert steps_of(found) == sorted(set(steps_of(found)))
    assert set(found[-1]) == {"step", "loss", "learning_rate", "held_out_loss"}


def test_a_line_of_many_numbers_keeps_its_step():
    many = {f"name {number}": number for number in range(curves.NAMES + 5)}
    (found,) = curves.of_report([many | {"step": 3}])
    assert found["step"] == 3
    assert len(found) == curves.NAMES


@pytest.mark.parametrize("count", [3_000, 60_000])  # read whole, and looked into
def test_a_long_run_is_thinned_and_keeps_both_ends(metrics, count):
    lines(metrics, range(count), learning_rate=0.001)
    assert (metrics.stat().st_size > curves.SMALL) == (count == 60_000)
    found = steps_of(curves.read(metrics))
    assert len(found) <= curves.MOST
    assert len(found) > curves.MOST / 2
    assert (found[0], found[-1]) == (0, count - 1)
    assert found == sorted(set(found))
    apart = [later - sooner for sooner, later in pairwise(found)]
    assert max(apart) < 4 * count / curves.MOST
    assert steps_of(curves.read(metrics, after=count - 3)) == [count - 2, count - 1]


def test_a_line_that_is_still_being_written_is_no_point(metrics):
    lines(metrics, [1, 2])
    with metrics.open("a") as file:
        file.write('{"step": 3, "lo')
    assert steps_of(curves.read(metrics)) == [1, 2]


def test_what_is_no_number_is_left_out(metrics):
    metrics.write_text(
        '{"step": 1, "loss": NaN, "learning_rate": 1e-3, "name": "<b>", "flag": true, "huge": 1e999}\n'
        '[1]\nnothing\n{"loss": 2}\n{"step": "4", "loss": 1}\n{"step": 5, "loss": 0.5}\n'
    )
    assert curves.read(metrics) == [{"step": 1, "learning_rate": 1e-3}, {"step": 5, "loss": 0.5}]


def test_no_file_is_no_points(metrics):
    assert curves.read(metrics) == []
    metrics.mkdir()
    assert curves.read(metrics) == []

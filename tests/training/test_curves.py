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


def steps_of(points):
    return [int(point["step"]) for point in points]


def test_every_point_of_a_short_run(metrics):
    assert steps_of(curves.read(lines(metrics, range(1, 40)))) == list(range(1, 40))


def test_only_later_points_are_read_again(metrics):
    lines(metrics, range(5, 500, 5))
    assert steps_of(curves.read(metrics, after=480)) == [485, 490, 495]
    assert curves.read(metrics, after=495) == []
    assert len(curves.read(metrics, after=-1)) == 99


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

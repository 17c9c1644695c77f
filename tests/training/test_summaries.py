"""What a terminal shows of a finished run."""

from pathlib import Path
from typing import Any

import pytest

from training.management.summaries import MOST_LINES, summary
from training.ml.run.rundir import write_json
from training.models import Run

pytestmark = pytest.mark.django_db
FOUND = {"value": 0.61, "low": 0.5, "high": 0.7, "n_pairs": 90, "n_prompts": 30}
REPORT = {
    "headline": "Reward model: held-out accuracy 61.0 %.",
    "warnings": [],
    "held_out": {"accuracy": FOUND, "baselines": {"longest": FOUND, "majority": FOUND}, "human_ceiling": FOUND},
    "splits": {"train": FOUND | {"value": 0.98}, "test": FOUND},
}


def run_of(tmp_path: Path, **report: Any) -> Run:
    run = Run(name="rm-1", kind="rm", directory=str(tmp_path), report=REPORT | report, seed=1, base="tiny")
    run.save()
    return run


def test_training_pairs_and_people_stand_beside_the_held_out_accuracy(tmp_path: Path) -> None:
    lines = summary(run_of(tmp_path))
    assert lines[0] == REPORT["headline"]
    assert "  people among themselves     61.0% [50.0%, 70.0%] on 90 pairs of 30 prompts" in lines
    assert "  the same on training pairs  98.0% [50.0%, 70.0%] on 90 pairs of 30 prompts" in lines
    assert len({line.index("%") for line in lines[1:6]}) == 1


def test_what_was_forgotten_stands_under_the_held_out_loss(tmp_path: Path) -> None:
    probes = {"loss_before": 2.0, "loss_after": 2.5, "n": 40}
    held_out = {"loss_before": 3.0, "loss_after": 1.0, "n": 20, "forgetting": {"general": None, "probes": probes}}
    lines = summary(run_of(tmp_path, held_out=held_out, splits=None))
    assert lines[1:3] == [
        "held-out loss a token        3.000 before, 1.000 after (n = 20)",
        "  on the probe set           2.000 before, 2.500 after (n = 40)",
    ]


GAIN = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 64}
BASE = {"score": 0.1, "gold": -0.2, "kl": 0.0, "length": 20.0, "ended": 0.9}


@pytest.mark.parametrize("place", ["start", "single"])
def test_what_was_gained_stands_beside_what_it_cost(tmp_path: Path, place: str) -> None:
    best = BASE | {"score": 0.6, "gold": 0.3, "kl": 3.25, "length": 31.5}
    held_out = {place: BASE, "best": best, "gain": {"score": GAIN, "gold": GAIN, "reward": GAIN}}
    lines = summary(run_of(tmp_path, held_out=held_out, splits=None))
    assert lines[1:6] == [
        "score                        0.100 before, 0.600 after: +0.500 [+0.250, +0.750] on 64 prompts",
        "held-out reward              -0.200 before, 0.300 after: +0.500 [+0.250, +0.750] on 64 prompts",
        "  KL, nats an answer         0.00 before, 3.25 after",
        "  length, tokens             20.00 before, 31.50 after",
        "  share that ended           0.90 before, 0.90 after",
    ]


def test_speed_and_memory_are_told_with_the_place(tmp_path: Path) -> None:
    timing = {"tokens_per_second": 12345.6, "padding_share": 0.034, "peak_memory_mb": 2048.4}
    write_json(tmp_path / "timing.json", timing)
    told = f"Run rm-1 in {tmp_path} (12,346 tokens/s, 3% padding, 2,048 MB at most)"
    assert told in summary(run_of(tmp_path))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 30])
def test_ten_lines_whatever_there_is_to_warn_of(tmp_path: Path, count: int) -> None:
    lines = summary(run_of(tmp_path, warnings=[f"reason {number}" for number in range(count)]))
    assert len(lines) <= MOST_LINES
    shown = [line for line in lines if line.startswith("Warning: ")]
    hidden = count - len(shown)
    assert len(shown) == min(count, 3)
    assert (f"(and {hidden} more in report.json)" in shown[-1]) if hidden else "more in" not in " ".join(shown)

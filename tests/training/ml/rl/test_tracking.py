"""Who else is told of every step, by the library itself."""

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.ml import builders
from tests.training.ml.rl import policies
from tests.training.ml.rl.vowels import make
from training.ml.run import environment
from training.ml.run.rundir import RunDirectory

pytestmark = [
    pytest.mark.training,
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
]


def told(run: RunDirectory, name: str) -> list[tuple[int, float]]:
    """Steps and values of this curve, in whatever files tensorboard has made below the run."""
    folders = sorted({path.parent for path in run.path.rglob("events.out.tfevents.*")})
    found = []
    for folder in folders:
        events: Any = EventAccumulator(str(folder)).Reload()
        if name in events.Tags()["scalars"]:
            found += [(event.step, event.value) for event in events.Scalars(name)]
    return found


def test_tensorboard_has_the_curves_of_ppo(tmp_path: Path) -> None:
    base = policies.base(tmp_path / "base")
    run = policies.make_run(tmp_path / "run", base=base, max_steps="3", eval_steps="3", track="tensorboard")
    builders.train(run)
    for name in ("score", "kl", "loss"):
        expected = [(line["step"], line[name]) for line in run.read_metrics() if "held_out" not in line]
        assert told(run, name) == [(step, pytest.approx(value, rel=1e-5)) for step, value in expected]


def test_tensorboard_has_the_curves_of_rloo(tmp_path: Path, policy: RunDirectory) -> None:
    run = make(tmp_path / "run", policy.model, track="tensorboard", max_steps="2")
    builders.train(run)
    rewards = [(line["step"], line["reward"]) for line in run.read_metrics() if "loss" in line]
    assert told(run, "train/reward") == [(step, pytest.approx(value, rel=1e-5)) for step, value in rewards]


@pytest.mark.parametrize(("said", "project"), [(None, "rlhf-flywheel"), ("", "rlhf-flywheel"), ("ours", "ours")])
def test_runs_are_filed_in_one_place_or_where_the_user_says(
    monkeypatch: pytest.MonkeyPatch, said: str | None, project: str
) -> None:
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    if said is not None:
        monkeypatch.setenv("WANDB_PROJECT", said)
    assert environment.project() == project

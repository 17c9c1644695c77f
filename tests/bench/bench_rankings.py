"""Training on rankings against TRL's trainers on the same comparisons as pairs: comparisons a second, peak memory.

    .venv/bin/python -m tests.bench.bench_rankings [--only "tiny rm K=4"] [--repeats 3] [--json FILE]

Sides take turns; each measurement is one epoch of random tokens in a process of its own, timed from its second step
on, fp32 on CPU. `ours` reads each prompt and each answer once. Beside it what it consists of: `grouped` reads each
answer once, with its prompt, padded; `de-padded` packs these without padding; `ours` shares the prompt as well.
Prints the tables that stand in docs/benchmarks.md. On a machine that does other things too take `--threads 1`: two
threads wait for each other wherever a core is taken, and CPU seconds tell more than the clock. Held-out accuracy is
measured by `bench_heldout`: random answers have nothing to learn.
"""

import argparse
import json
import multiprocessing
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from tests.bench import machine, sides
from tests.bench.rankings import CASES, MODELS, Case, Model, ceiling
from tests.bench.sides import Found, Training

COLUMNS = (
    *(
        "model, task",
        "rankings",
        "ours /s",
        "TRL /s",
        "ratio (of each repeat)",
        "of CPU seconds",
        "token ceiling",
        "ratio : ceiling",
    ),
    *("TRL's padding", "ours peak MB", "TRL peak MB", "n"),
)
PARTS = (
    "model, task",
    "rankings",
    "grouped",
    "+ de-padded",
    "+ prompt shared",
    "grouped peak MB",
    "de-padded peak MB",
)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of names, as in 'tiny rm K=4 128/128'")
    parser.add_argument("--sides", nargs="+", default=list(sides.SIDES), choices=sides.SIDES)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--prompts", type=int, help="in place of each case's own number")
    parser.add_argument("--budget", type=int, default=4096, help="tokens of one forward pass")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="name what can be measured")
    parser.add_argument("--json", type=Path, help="every measurement, for further work")
    return parser.parse_args(arguments)


def wanted(chosen: argparse.Namespace) -> Iterator[tuple[str, Model, str, Case]]:
    for model in MODELS:
        for task in sides.TASKS:
            for case in CASES:
                name = f"{model.name} {task} {case.name}"
                if any(name.startswith(beginning) for beginning in chosen.only):
                    yield name, model, task, replace(case, prompts=chosen.prompts or case.prompts)


def trainings(chosen: argparse.Namespace, model: Model, task: str, case: Case) -> Iterator[Training]:
    """Sides in turn, then all again with other data."""
    for seed in range(chosen.repeats):
        for side in chosen.sides:
            yield Training(
                task=task,
                side=side,
                model=model,
                case=case,
                budget=chosen.budget,
                threads=chosen.threads,
                seed=seed,
            )


def measured(training: Training) -> Found:
    """In a process of its own, forked from one that has loaded the libraries."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([sides.__name__])
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(sides.measured, training).result()


def rate(found: Found) -> float:
    return found.comparisons / found.seconds


def ratios(ours: Sequence[Found], theirs: Sequence[Found]) -> list[float]:
    """Of measurements that were made in turn on the same data."""
    return [rate(mine) / rate(peer) for mine, peer in zip(ours, theirs, strict=True)]


def megabytes(found: Sequence[Found]) -> str:
    return f"{statistics.median(one.megabytes for one in found):.0f}" if found else "–"


def against(ours: Sequence[Found], theirs: Sequence[Found], *, limit: float) -> list[str]:
    """Cells of the first table."""
    times = ratios(ours, theirs)
    middle = statistics.median(times)
    needed = statistics.median(mine.tokens for mine in ours) * limit
    return [
        f"{statistics.median(map(rate, ours)):.2f}",
        f"{statistics.median(map(rate, theirs)):.2f}",
        f"{middle:.2f} ({min(times):.2f} to {max(times):.2f})",
        f"{statistics.median(peer.cpu / mine.cpu for mine, peer in zip(ours, theirs, strict=True)):.2f}",
        f"{limit:.2f}",
        f"{middle / limit:.2f}",
        f"{1 - needed / statistics.median(peer.tokens for peer in theirs):.0%}",
        megabytes(ours),
        megabytes(theirs),
        str(len(ours)),
    ]


def parts(found: dict[str, list[Found]]) -> list[str]:
    """Cells of the second table: how many times TRL's comparisons a second, step by step."""
    steps = [found[side] for side in ("grouped", "de-padded", "ours")]
    times = [f"{statistics.median(ratios(step, found['TRL'])):.2f}" if step else "–" for step in steps]
    return [*times, *map(megabytes, steps[:2]), str(len(found["TRL"]))]


def line_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(columns: Sequence[str]) -> str:
    return f"{line_of(columns)}\n{line_of(['---'] * len(columns))}"


def heading(chosen: argparse.Namespace) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl"))
    return (
        f"{machine.described()}, {chosen.threads} threads, fp32; Python {platform.python_version()}, {libraries}; "
        f"at most {chosen.budget} tokens a pass, medians of {chosen.repeats}, {time.strftime('%B %Y')}\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    chosen = options(arguments)
    if chosen.list:
        print(*(name for name, *_ in wanted(chosen)), sep="\n")
        return
    kept, second = [], []
    print(heading(chosen), table(COLUMNS), sep="\n", flush=True)
    for _, model, task, case in wanted(chosen):
        found: dict[str, list[Found]] = defaultdict(list)
        for training in trainings(chosen, model, task, case):
            found[training.side].append(measured(training))
            kept.append({**asdict(training), **asdict(found[training.side][-1])})
            if chosen.json:
                chosen.json.write_text(json.dumps(kept, indent=1))
        name = [f"{model.name}, {task}", case.name]
        limit = statistics.median(ceiling(case.items(seed=seed)) for seed in range(chosen.repeats))
        if found["ours"] and found["TRL"]:
            print(line_of([*name, *against(found["ours"], found["TRL"], limit=limit)]), flush=True)
        if found["TRL"] and (found["grouped"] or found["de-padded"]):
            second.append(line_of([*name, *parts(found)]))
    if second:
        print("\nTimes TRL's comparisons a second:\n", table(PARTS), *second, sep="\n")


if __name__ == "__main__":
    main()

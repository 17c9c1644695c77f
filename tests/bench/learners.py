"""One training by PPO of one side, in a process of its own: what is asked of it, and what it found.

The process is begun anew for every measurement, because TRL's PPO lies in a folder of its own, beside the TRL that
the project uses: `learner_trl` is imported where that folder comes first, and nowhere else.
"""

import importlib
import multiprocessing
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KILOBYTES = 1024  # of a megabyte: the kernel tells peaks in kB
PHASES = ("generation", "scoring", "update")
MISSING = """\
{folder}: no TRL with PPO in it. Version 1.12 was the last one that had it; make the folder with
    pip install --no-deps --target {folder} trl==1.12.0"""


@dataclass(frozen=True, kw_only=True)
class Training:
    """`batch`: answers in a pass with gradients; `abreast`: TRL's in one without. `knobs`: for ours alone."""

    side: str  # ours or TRL
    policy: Path
    reward: Path
    prompts: Path
    directory: Path  # for what it writes
    prompt: int  # tokens, at most
    answer: int
    steps: int
    batch: int = 16
    abreast: int = 64
    together: int = 64  # answers of a step
    epochs: int = 4
    rate: float = 1e-5
    beta: float = 0.05
    temperature: float = 0.7
    threads: int = 1
    seed: int = 17
    ends: bool = False  # whether answers stop at their end token; else they are all of full length
    rank: int = 0  # of TRL's adapters for the policy; 0: all weights
    knobs: dict[str, str] = field(default_factory=dict)
    measured: int = 0  # held-out prompts that are answered before, while and after training; 0: never
    measurements: int = 1


@dataclass(frozen=True, kw_only=True)
class Found:
    """`answers`, `seconds`, `cpu` (of all threads together) and `phases` (by the clock): of all steps but the first.

    `megabytes`: the peak up to the last step's end; `floor`: the process before any model was opened. `tokens`: of an
    answer, the mean of the last step. `history`: score and KL of the policy on held-out prompts.
    """

    answers: int
    seconds: float
    cpu: float
    phases: dict[str, float]
    megabytes: float
    floor: float
    tokens: float
    history: list[dict[str, float]]


class Clock:
    """Looks at the end of every step: in the first one the optimiser gets its memory."""

    def __init__(self) -> None:
        self.phases: dict[str, float] = defaultdict(float)
        self.looks: list[tuple[float, float, dict[str, float], float]] = []
        self.floor = peak()
        self.away, self.away_cpu = 0.0, 0.0
        self.before_look: Callable[[], None] = lambda: None

    def step_ended(self) -> None:
        self.before_look()
        now, cpu = time.perf_counter() - self.away, time.process_time() - self.away_cpu
        self.looks.append((now, cpu, dict(self.phases), peak()))

    def without(self, measure: Callable[[], None]) -> None:
        """What is measured between steps is timed for nobody."""
        begun, cpu = time.perf_counter(), time.process_time()
        measure()
        self.away += time.perf_counter() - begun
        self.away_cpu += time.process_time() - cpu

    def found(self, *, together: int, tokens: float, history: list[dict[str, float]]) -> Found:
        (begun, cpu, phases, _), (ended, cpu_then, phases_then, megabytes) = self.looks[0], self.looks[-1]
        return Found(
            answers=together * (len(self.looks) - 1),
            seconds=ended - begun,
            cpu=cpu_then - cpu,
            phases={name: phases_then[name] - phases[name] for name in PHASES},
            megabytes=megabytes,
            floor=self.floor,
            tokens=tokens,
            history=history,
        )


def peak() -> float:
    """MB of this process, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES


def measured(training: Training, *, trl: Path) -> Found:
    """In a process of its own."""
    if training.side == "TRL":
        check(trl)
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(run, training, trl).result()


def run(training: Training, trl: Path) -> Found:
    if training.side == "TRL":
        sys.path.insert(0, str(trl))
    side: Any = importlib.import_module(f"tests.bench.learner_{training.side.lower()}")
    return side.measured(training)


def check(trl: Path) -> None:
    if not (trl / "trl" / "experimental" / "ppo").is_dir():
        raise SystemExit(MISSING.format(folder=trl))

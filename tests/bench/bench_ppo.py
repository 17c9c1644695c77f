"""PPO against TRL's last PPO, on the same policy, reward model and prompts: answers a second, peak memory, phases.

    .venv/bin/python -m tests.bench.bench_ppo --trl DIR [--models tiny mid] [--seeds 0 1 2] [--json FILE]

DIR: `pip install --no-deps --target DIR trl==1.12.0`; from 1.13 on TRL has no PPO. Sides take turns; each measurement
is a few steps of 64 answers of 64 tokens to prompts of 64 random ones, four epochs each, in a process of its own,
timed from the second step on, fp32 on CPU. Sides:

    TRL              policy, reference, value network and reward model whole: what it is compared with
    TRL, 16 abreast  answers drawn and scored 16 at a time, as they are learnt from; else 64 (its default)
    TRL, LoRA        adapters for the policy, whose base is the reference; the value network whole
    separate         ours, the same four models
    shared           ours, policy, value network and reward model as adapters on one backbone, the reference too
    shared, apart    with the reward model whole beside it, as it is where it was trained whole
    shared, value    with a value network of which the upper half of the layers learns
    shared, half     policy and value network with adapters on the upper half of the layers alone

Memory is told whole and without what a process takes before it opens a model. Take `--threads 1` and CPU seconds on a
machine that does other things too. What both sides learn is compared by `bench_gain`.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench import learners, machine, policies
from tests.bench.learners import PHASES, Found, Training
from tests.bench.policies import MODELS, Model

PROMPT, ANSWER, PROMPTS = 64, 64, 256
RANK = 16
APART = "shared, apart"
COLUMNS = (
    *("model, side", "answers /s", "a CPU second", "times TRL", "of CPU seconds", "peak MB", "without imports"),
    *("share of TRL's", "without imports", *PHASES, "tokens", "n"),
)


def sides(model: Model) -> dict[str, dict[str, Any]]:
    """What each asks for."""
    shared = {"layout": "shared", "lora": "true", "lora_rank": str(RANK)}
    half = {"lora_layers": str(model.layers // 2), "value_start": "base"}  # the reward model has them on all layers
    return {
        "TRL": {"side": "TRL"},
        "TRL, 16 abreast": {"side": "TRL", "abreast": 16},
        "TRL, LoRA": {"side": "TRL", "rank": RANK},
        "separate": {"side": "ours", "knobs": {"layout": "separate", "lora": "false"}},
        "shared": {"side": "ours", "knobs": shared},
        APART: {"side": "ours", "knobs": shared},
        "shared, value": {"side": "ours", "knobs": shared | {"value_layers": str(model.layers // 2)}},
        "shared, half": {"side": "ours", "knobs": shared | half},
    }


def options(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names, known = [model.name for model in MODELS], list(sides(MODELS[0]))
    parser.add_argument("--trl", type=Path, required=True, help="the folder that TRL 1.12 was installed to")
    parser.add_argument("--models", nargs="+", default=names, choices=names)
    parser.add_argument("--sides", nargs="+", default=known, choices=known)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="one measurement of each side for each"
    )
    parser.add_argument("--steps", type=int, default=3, help="of PPO; the first is timed for nobody")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--answers", type=int, default=64, help="of a step")
    parser.add_argument("--json", type=Path, help="every measurement; those that stand in it are not made again")
    return parser.parse_args(given)


def measured(chosen: argparse.Namespace, model: Model, side: str, *, seed: int) -> Found:
    with tempfile.TemporaryDirectory() as scratch:
        start = policies.made(Path(scratch), model, prompt=PROMPT, answer=ANSWER, prompts=PROMPTS, seed=seed)
        training = Training(
            policy=start.policy,
            reward=start.apart if side == APART else start.reward,
            prompts=start.prompts,
            directory=Path(scratch),
            prompt=PROMPT,
            answer=ANSWER,
            steps=chosen.steps,
            together=chosen.answers,
            threads=chosen.threads,
            seed=seed,
            **sides(model)[side],
        )
        return learners.measured(training, trl=chosen.trl)


def cells(found: Sequence[Found], theirs: Sequence[Found]) -> list[str]:
    """`theirs`: TRL's, made in turn with these; empty: there is nothing to compare with."""
    pairs = list(zip(found, theirs, strict=False))

    def median(of: Callable[[Found], float]) -> float:
        return statistics.median(map(of, found))

    def times(of: Callable[[Found, Found], float]) -> str:
        return f"{statistics.median(of(mine, peer) for mine, peer in pairs):.2f}" if pairs else "–"

    total = median(lambda one: sum(one.phases.values()))
    return [
        f"{median(lambda one: one.answers / one.seconds):.2f}",
        f"{median(lambda one: one.answers / one.cpu):.2f}",
        times(lambda mine, peer: (mine.answers / mine.seconds) / (peer.answers / peer.seconds)),
        times(lambda mine, peer: (mine.answers / mine.cpu) / (peer.answers / peer.cpu)),
        f"{median(lambda one: one.megabytes):.0f}",
        f"{median(above):.0f}",
        times(lambda mine, peer: mine.megabytes / peer.megabytes),
        times(lambda mine, peer: above(mine) / above(peer)),
        *(f"{median(lambda one, name=name: one.phases[name]) / total:.0%}" for name in PHASES),
        f"{median(lambda one: one.tokens):.1f}",
        str(len(found)),
    ]


def above(found: Found) -> float:
    """MB over what the process took before any model was opened."""
    return found.megabytes - found.floor


def line_of(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def heading(chosen: argparse.Namespace) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    return (
        f"{machine.described()}, {chosen.threads} threads, fp32; Python {platform.python_version()}, {libraries}, "
        f"PPO of TRL 1.12.0; medians of {len(chosen.seeds)}, {chosen.steps} steps of {chosen.answers} answers, "
        f"{time.strftime('%B %Y')}\n"
    )


class Kept:
    """Measurements by what was measured, in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = json.loads(path.read_text()) if path is not None and path.exists() else []
        self.found = {json.dumps(line["of"]): Found(**line["found"]) for line in lines}

    def get(self, of: dict[str, Any], *, measure: Callable[[], Found]) -> Found:
        key = json.dumps(of)
        if key not in self.found:
            self.found[key] = measure()
            lines = [{"of": json.loads(name), "found": asdict(one)} for name, one in self.found.items()]
            if self.path is not None:
                self.path.write_text(json.dumps(lines, indent=1))
        return self.found[key]


def main(given: Sequence[str] | None = None) -> None:
    chosen = options(given)
    learners.check(chosen.trl)
    kept = Kept(chosen.json)
    asked = {"steps": chosen.steps, "answers": chosen.answers, "threads": chosen.threads}
    print(heading(chosen), line_of(COLUMNS), line_of(["---"] * len(COLUMNS)), sep="\n", flush=True)
    for model in (model for model in MODELS if model.name in chosen.models):
        found: dict[str, list[Found]] = defaultdict(list)
        for seed in chosen.seeds:
            for side in chosen.sides:
                of = {"model": model.name, "side": side, "seed": seed, **asked}
                found[side].append(kept.get(of, measure=partial(measured, chosen, model, side, seed=seed)))
        for side in chosen.sides:
            theirs = found["TRL"] if side != "TRL" else []
            print(line_of([f"{model.name}, {side}", *cells(found[side], theirs)]), flush=True)


if __name__ == "__main__":
    main()

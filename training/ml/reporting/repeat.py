"""What to type to get a run once more. Torch-free.

What else a result hangs on stands beside it in the report: hashes of the release and of the base, versions, commit.
"""

import os
import shlex
from collections.abc import Iterator
from typing import Any

from training.ml import knobs
from training.ml.knobs.fields import as_text
from training.ml.run.rundir import Config, RewardReference

HASH_SHOWN = 12  # characters; as many as a release's name has
SUPERVISED = ("sft", "rm", "dpo")
REWARDED = ("ppo", "rloo", "best_of_n")
TRAINED = SUPERVISED + REWARDED  # kinds with a command of their own


def command(config: Config, *, processes: int = 1) -> str:
    """The command with everything that decides the result, defaults left out; other kinds: their process."""
    if config.kind not in TRAINED:
        return shlex.join(["python", "-m", "training.ml", config.name])
    parts = ["manage.py", command_of(config.kind), *read(config)]
    parts += ["--base", config.base, "--seed", str(config.seed)]
    if processes > 1:
        parts += ["--launcher", "accelerate", "--processes", str(processes)]
    if changed := list(changes(config)):
        parts += ["--set", *changed]
    return shlex.join(parts)


def command_of(kind: str) -> str:
    """What one types for a run of this kind."""
    return f"train_{kind}" if kind in TRAINED and kind != "best_of_n" else kind


def read(config: Config) -> Iterator[str]:
    """Where it learns from. Prompts of a project: as they stand in the run's own directory."""
    if config.release:
        yield from ("--release", config.release.hash[:HASH_SHOWN])
    if data := config.files_of("data"):
        yield from ("--data", *(file.path for file in data))
    if config.kind in REWARDED and not config.release:
        named = [file.path for file in config.files_of("prompts")]
        yield from ("--prompts", *(named or [f"{config.name}/prompts.jsonl"]))
    for option, held_out in (("--reward", False), ("--held-out-reward", True)):
        if found := [said(reward) for reward in config.rewards if reward.held_out == held_out]:
            yield from (option, *found)


def said(reward: RewardReference) -> str:
    return reward.source if reward.weight == 1 else f"{reward.source}={reward.weight:g}"


def changes(config: Config) -> Iterator[str]:
    """`name=value` of every knob that is not as it comes."""
    for knob in knobs.describe(config.kind):
        if knob.name in config.knobs and (value := as_text(config.knobs[knob.name])) != knob.default:
            file = next(iter(config.files_of(knob.name)), None)  # a knob that names a file: where it lies
            yield f"{knob.name}={file.path if file else value}"


def describe(config: Config) -> dict[str, Any]:
    """For the report. Of base and files the paths are told, for the command to work; their hashes stand beside."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    return {"command": command(config, processes=processes), "processes": processes}

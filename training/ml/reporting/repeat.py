"""What to type to get a run once more. Torch-free.

What else a result hangs on stands beside it in the report: hashes of the release and of the base, versions, commit.
"""

import os
import shlex
from collections.abc import Iterator
from typing import Any

from training.ml import knobs
from training.ml.knobs.fields import as_text
from training.ml.run.rundir import Config

HASH_SHOWN = 12  # characters; as many as a release's name has
TRAINED = ("sft", "rm", "dpo")  # kinds with a command of their own


def command(config: Config, *, processes: int = 1) -> str:
    """The command with everything that decides the result, defaults left out; other kinds: their process."""
    if config.kind not in TRAINED:
        return shlex.join(["python", "-m", "training.ml", config.name])
    parts = ["manage.py", f"train_{config.kind}"]
    if config.release:
        parts += ["--release", config.release.hash[:HASH_SHOWN]]
    if data := config.files_of("data"):
        parts += ["--data", *(file.path for file in data)]
    parts += ["--base", config.base, "--seed", str(config.seed)]
    if processes > 1:
        parts += ["--launcher", "accelerate", "--processes", str(processes)]
    if changed := list(changes(config)):
        parts += ["--set", *changed]
    return shlex.join(parts)


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

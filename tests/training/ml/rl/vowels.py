"""Rewards of vowels and of length, and runs of RLOO that they reward."""

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from tests.training.ml import builders
from tests.training.ml.rl import policies
from training.ml import knobs
from training.ml.rl import rloo, setting
from training.ml.rl.rloo import Rloo
from training.ml.run.rundir import Config, RewardReference, RunDirectory

METHODS = ["rloo", "reinforce", "grpo"]
SHORT = {
    "logging_steps": "1",
    "rollout_size": "8",
    "num_generations": "2",
    "batch_size": "4",
    "max_new_tokens": "8",
    "eval_prompts": "6",
    "max_steps": "4",
    "eval_steps": "2",
    "missing_eos": "off",
}
KILLED_AFTER = "TEST_RLOO_KILLED_AFTER"  # calls of `vowels_until_killed`
calls = [0]


def vowels(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [sum(letter in "aeiou" for letter in text) / 4 for text in completions]


def length(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    return [len(text) / 10 for text in completions]


def vowels_until_killed(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    """As if the power went while a step's answers were being judged."""
    calls[0] += 1
    if calls[0] > int(os.environ.get(KILLED_AFTER, "1000000")):
        os.kill(os.getpid(), signal.SIGKILL)
    return vowels(prompts, completions)


def function(name: str, *, held_out: bool = False) -> RewardReference:
    return RewardReference(source=f"{__name__}:{name}", weight=1.0, hash="", held_out=held_out)


def make(
    path: Path, base: Path, *rewards: RewardReference, prompts: int = 12, seed: int = 17, **values: str
) -> RunDirectory:
    run = builders.make_run(path, "rloo", reference=None, base=str(base), values=SHORT | values, seed=seed)
    run.write_config(dataclasses.replace(run.read_config(), rewards=rewards or (function("vowels"),)))
    asked = [{"role": "user", "content": f"Question {number}{'?' * (number % 5)}"} for number in range(2 * prompts)]
    lines = [
        {"id": f"p{number:02}", "messages": [message], "split": ("train", "test")[number % 2]}
        for number, message in enumerate(asked)
    ]
    run.prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def teach(path: Path, base: Path, reward: str, *, held_out: str = "", **values: str) -> RunDirectory:
    """A run on a policy of ten tokens (`policies`)."""
    run = RunDirectory(path)
    known = {description.name for description in knobs.describe("rloo")}
    small = {name: value for name, value in policies.SMALL.items() if name in known}
    references = [policies.reference(reward)] + ([policies.reference(held_out, held_out=True)] if held_out else [])
    run.write_config(
        Config(
            name=path.name,
            kind="rloo",
            release=None,
            base=str(base),
            seed=17,
            knobs=knobs.as_json(knobs.parse("rloo", small | values)),
            rewards=tuple(references),
        )
    )
    run.prompts.write_text("".join(json.dumps(line) + "\n" for line in policies.asked(24)))
    return run


def opened(run: RunDirectory) -> Rloo:
    config = run.read_config()
    found: Any = knobs.from_json("rloo", config.knobs)
    place = setting.opened(run, config, found)
    place.seed()
    return rloo.opened(place)


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path / "model.safetensors")


def moved(run: RunDirectory, base: RunDirectory) -> float:
    before, after = weights_of(base.model), weights_of(run.model)
    return max(float((before[name] - after[name]).abs().max()) for name in before)

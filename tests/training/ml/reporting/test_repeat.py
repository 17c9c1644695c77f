"""The command that a report names makes the same run again."""

import shlex
from dataclasses import replace

import pytest

from training.management.train import assignments
from training.ml import knobs
from training.ml.reporting import repeat
from training.ml.run.rundir import Config, FileReference, ReleaseReference, RewardReference


def config_of(kind: str, **values: str) -> Config:
    return Config(
        name="run",
        kind=kind,
        release=ReleaseReference(path="/somewhere/kettle", hash="0123456789abcdef"),
        base="/models/my base",
        seed=5,
        knobs=knobs.as_json(knobs.parse(kind, values)),
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("rm", {"epochs": "2", "lora": "false", "labels": "shares", "learning_rate": "3e-05"}),
        ("dpo", {"trainer": "trl", "loss": "robust", "max_steps": "7"}),
        ("sft", {"answers": "best", "chat_template": "chatml"}),
    ],
)
def test_the_command_read_back_gives_the_same_knobs(kind: str, values: dict[str, str]) -> None:
    config = config_of(kind, **values)
    words = shlex.split(repeat.command(config))
    assert words[:4] == ["manage.py", f"train_{kind}", "--release", "0123456789ab"]
    assert words[4:8] == ["--base", "/models/my base", "--seed", "5"]
    given = words[words.index("--set") + 1 :]
    assert len(given) == len(values)
    assert knobs.as_json(knobs.parse(kind, assignments(given))) == config.knobs


def test_defaults_are_left_out_and_processes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of("rm")
    assert "--set" not in repeat.command(config)
    assert "--launcher" not in repeat.command(config)
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = repeat.describe(config)
    assert (found["processes"], "--launcher accelerate --processes 2" in found["command"]) == (2, True)


def test_files_are_told_where_they_lie() -> None:
    files = tuple(FileReference(role="data", path=f"/data/{name}", hash="0") for name in ("a.json", "b c.jsonl"))
    config = replace(config_of("sft"), release=None, files=files)
    words = shlex.split(repeat.command(config))
    assert words[:6] == ["manage.py", "train_sft", "--data", "/data/a.json", "/data/b c.jsonl", "--base"]


JUDGES = (
    RewardReference(source="/runs/rm-1/model", weight=1.0, hash="a"),
    RewardReference(source="shop:brevity", weight=-0.1, hash=""),
    RewardReference(source="/runs/rm 2/model", weight=1.0, hash="b", held_out=True),
)


@pytest.mark.parametrize(("kind", "name"), [("ppo", "train_ppo"), ("rloo", "train_rloo"), ("best_of_n", "best_of_n")])
def test_rewards_are_told_with_their_weights(kind: str, name: str) -> None:
    words = shlex.split(repeat.command(replace(config_of(kind), rewards=JUDGES)))
    assert words[:4] == ["manage.py", name, "--release", "0123456789ab"]
    rewards = ["--reward", "/runs/rm-1/model", "shop:brevity=-0.1", "--held-out-reward", "/runs/rm 2/model"]
    assert words[4:9] == rewards


def test_prompts_of_a_file_and_of_a_project_are_told_where_they_lie() -> None:
    config = replace(config_of("ppo"), release=None, rewards=JUDGES[:1])
    assert shlex.split(repeat.command(config))[2:4] == ["--prompts", "run/prompts.jsonl"]
    files = (FileReference(role="prompts", path="/data/asked.jsonl", hash="0"),)
    assert shlex.split(repeat.command(replace(config, files=files)))[2:4] == ["--prompts", "/data/asked.jsonl"]


def test_a_kind_without_a_command_names_its_process() -> None:
    assert repeat.command(config_of("sample")) == f"python -m training.ml {config_of('sample').name}"

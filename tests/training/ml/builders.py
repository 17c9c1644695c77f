"""Release directories, tiny bases and runs for the tests of training/ml."""

import importlib
import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotation.formats.release import seal, write_rows
from training.ml import knobs
from training.ml.__main__ import MODULES
from training.ml.run.rundir import Config, FileReference, ReleaseReference, RunDirectory

SMALL = {
    "tiny_layers": "2",
    "tiny_width": "32",
    "tiny_vocab": "300",
    "tiny_context": "128",
    "max_length": "128",
    "threads": "1",
    "batch_size": "8",
    "logging_steps": "2",
    "device": "cpu",
}
ROOT = Path(__file__).resolve().parents[3]


def judgement(ranking: list[list[int]], **fields: Any) -> dict[str, Any]:
    defaults = {
        "uid": "u",
        "annotator": "a",
        "ranking": ranking,
        "strength": None,
        "acceptable": None,
        "ratings": {},
        "flags": [],
        "reason": "",
        "edited": {},
        "spans": [],
        "written": "",
        "seconds": None,
        "shown": None,
        "at": None,
        "source": "human",
        "guideline": None,
        "revision": 0,
        "weight": 1.0,
    }
    return defaults | fields


def row(
    prompt: str,
    texts: Sequence[str],
    *rankings: list[list[int]],
    split: str = "train",
    policies: Sequence[str] = (),
    **fields: Any,
) -> dict[str, Any]:
    names = list(policies) or ["unknown"] * len(texts)
    return {
        "key": f"{split}-{prompt}",
        "prompt": [{"role": "user", "content": prompt}],
        "responses": [
            {"text": text, "policy": name, "sampling": {}} for text, name in zip(texts, names, strict=True)
        ],
        "judgements": [judgement(ranking, **fields) for ranking in rankings],
        "tags": [],
        "metadata": {},
        "split": split,
        "purpose": "label",
        "generation": "",
        "strategy": "",
        "score": None,
        "propensity": None,
        "known": None,
    }


def release(directory: Path, rows: Sequence[dict[str, Any]]) -> ReleaseReference:
    directory.mkdir(parents=True)
    digest = write_rows(directory, sorted(rows, key=lambda item: item["key"]))
    seal(directory, {"format_version": 1, "hash": digest.hash, "counts": digest.counts})
    return ReleaseReference(path=str(directory), hash=digest.hash)


def polite_rows(train: int = 60, test: int = 20) -> list[dict[str, Any]]:
    """A taste that can be learnt: answers that say thanks are better, whatever their length."""
    rows = []
    for number in range(train + test):
        good, bad = f"Thank you, {number} it is.", f"No. Go away {number}!"
        texts = [good, bad] if number % 2 else [bad, good]
        rows.append(
            row(
                f"Question {number}?",
                texts,
                [[0], [1]] if number % 2 else [[1], [0]],
                split="train" if number < train else "test",
            )
        )
    return rows


def demonstration_rows(train: int = 60, test: int = 20) -> list[dict[str, Any]]:
    return [
        row(f"Question {n}?", [f"Thank you, {n} it is."], split="train" if n < train else "test")
        for n in range(train + test)
    ]


def make_run(
    directory: Path,
    kind: str,
    *,
    reference: ReleaseReference | None,
    base: str = "tiny",
    values: dict[str, str] | None = None,
    seed: int = 17,
    revision: str = "",
    files: Sequence[FileReference] = (),
) -> RunDirectory:
    known = {description.name for description in knobs.describe(kind)}
    small = {name: value for name, value in SMALL.items() if name in known}
    run = RunDirectory(directory)
    run.write_config(
        Config(
            name=directory.name,
            kind=kind,
            release=reference,
            base=base,
            seed=seed,
            revision=revision,
            files=tuple(files),
            knobs=knobs.as_json(knobs.parse(kind, small | (values or {}))),
        )
    )
    return run


def execute(run: RunDirectory, **options: Any) -> "subprocess.CompletedProcess[str]":
    """`python -m training.ml` as a user's own process."""
    command = [sys.executable, "-m", "training.ml", str(run.path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def report_of(run: RunDirectory) -> dict[str, Any]:
    report = run.read_report()
    assert report is not None, run.log.read_text() if run.log.exists() else "no report"
    return report


def write_prompts(run: RunDirectory, prompts: Sequence[str]) -> None:
    lines = [
        json.dumps({"id": f"p{i}", "messages": [{"role": "user", "content": text}]}) for i, text in enumerate(prompts)
    ]
    run.prompts.write_text("".join(line + "\n" for line in lines))


def train(run: RunDirectory) -> dict[str, Any]:
    """The run in this process: quicker than a process of its own, where no process is what is tested."""
    config = run.read_config()
    module = importlib.import_module(MODULES[config.kind])
    with warnings.catch_warnings():
        # peft asks transformers by a name that is going away; nothing of ours does.
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)
        module.run(run, config, knobs.from_json(config.kind, config.knobs))
    return report_of(run)

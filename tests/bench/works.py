"""The runs of the benchmark of policies: made once in a folder, from what a desk gives them."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from training.ml import knobs
from training.ml.backbones import bases
from training.ml.run.rundir import Config, ReleaseReference, RewardReference, RunDirectory, line_of, write_text

SEED, OTHER_SEED = 17, 23
ROOT = Path(__file__).resolve().parents[2]

Message = dict[str, str]
Merit = Callable[[list[list[Message]], list[str]], list[float]]


class Asked(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def messages(self) -> list[Message]: ...


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What all policies start and learn from: `base`, rankings in `release`, the reward model `judge` that learnt
    from them; and what they are measured by: `gold`, which learnt from others, and perhaps the truth.

    `train`, `course`, `final`: questions to learn from, and to measure on while a policy learns and in the end.
    `true`: the truth as a reward, for the run that goes too far; `values`: of its knobs for answers.
    """

    base: RunDirectory
    release: ReleaseReference
    judge: RunDirectory
    gold: RunDirectory
    train: Sequence[Asked]
    course: Sequence[Asked]
    final: Sequence[Asked]
    dpo: dict[str, str]
    values: dict[str, str] = field(default_factory=dict)
    true: RewardReference | None = None
    merit: Merit | None = None


@dataclass(frozen=True, kw_only=True)
class Works:
    """Makes runs in a folder."""

    folder: Path
    threads: int
    seed: int = SEED

    def run(
        self,
        name: str,
        kind: str,
        values: Mapping[str, str],
        *,
        base: str,
        release: ReleaseReference | None = None,
        rewards: Sequence[RewardReference] = (),
        seed: int | None = None,
        train: Sequence[Asked] = (),
        test: Sequence[Asked] = (),
    ) -> RunDirectory:
        """The run of this name, done."""
        found = RunDirectory(self.folder / name)
        machine = {"device": "cpu", "threads": str(self.threads)}
        config = Config(
            name=name,
            kind=kind,
            release=release,
            base=base,
            seed=self.seed if seed is None else seed,
            knobs=knobs.as_json(knobs.parse(kind, dict(values) | machine)),
            rewards=tuple(rewards),
        )
        if not found.config.is_file():
            found.write_config(config)
            if train or test:
                write_prompts(found, train=train, test=test)
        if found.read_config().identity() != config.identity():
            sys.exit(f"{found.path} was made with other settings: remove it, or name another folder")
        self.execute(found)
        return found

    def execute(self, run: RunDirectory) -> None:
        if run.is_done():
            return
        print(f"{run.path.name} …", file=sys.stderr, flush=True)
        environment = os.environ | {"OMP_NUM_THREADS": str(self.threads), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "training.ml", str(run.path)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)


def reference(run: RunDirectory) -> RewardReference:
    return RewardReference(source=str(run.model), weight=1.0, hash=bases.hash_of_weights(run.model))


def write_prompts(run: RunDirectory, *, train: Sequence[Asked] = (), test: Sequence[Asked] = ()) -> None:
    lines = [
        {"id": one.id, "messages": one.messages, "split": split}
        for split, some in (("train", train), ("test", test))
        for one in some
    ]
    write_text(run.prompts, "".join(map(line_of, lines)))

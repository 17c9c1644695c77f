"""A run is a directory: what is in it, written so that no reader ever sees half a file. Torch-free.

config.json     what to do; everything that decides the result
prompts.jsonl   kind sample: {"id", "messages"} a line; ppo, rloo, best_of_n: "split" too
metrics.jsonl   one line a logging step
checkpoints/    to go on from after a kill
model/          the result, written beside and renamed in; adapter/ next to it under LoRA
responses.jsonl kinds sample and best_of_n: {"id", "index", "text", "sampling"} a line
completions.jsonl  kinds ppo and rloo: {"step", "prompt", "text", "reward", "score"}, a few lines a step
report.json     written last: there is one if and only if the run is done. No times in it; paths in `repeat` alone
timing.json     what may differ between two runs of one config
error.json      {"sentence"}: a mistake of the user's
log.txt         what the libraries had to say
lock            held (flock) by the process that works here; the kernel frees it when that dies
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.exceptions import InvalidRun, RunBusy

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ReleaseReference:
    path: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class FileReference:
    """A file that the run reads. `role`: data, or the knob that names it; `hash`: SHA-256 of its bytes."""

    role: str
    path: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class RewardReference:
    """What answers are rewarded by. `source`: directory of a reward model, or `module:function`; `hash`: digest of
    its weights, nothing of a function. `held_out`: nothing is trained on it, it is measured beside the others."""

    source: str
    weight: float
    hash: str
    held_out: bool = False

    def identity(self) -> dict[str, Any]:
        """What is in a directory decides, not where it lies."""
        return {"reward": self.hash or self.source, "weight": self.weight, "held_out": self.held_out}


@dataclass(frozen=True, kw_only=True)
class Config:
    """config.json. `knobs` as `knobs.as_json` gives them."""

    name: str
    kind: str
    release: ReleaseReference | None
    base: str
    seed: int
    knobs: dict[str, Any]
    commit: str = ""
    project_version: str = ""
    revision: str = ""  # the commit, if the base is a name of the hub
    files: tuple[FileReference, ...] = ()  # kind sft
    rewards: tuple[RewardReference, ...] = ()  # kinds ppo, rloo, best_of_n

    def identity(self) -> dict[str, Any]:
        """What decides the result: the same for two runs that may go on for one another."""
        named = {file.role: file.hash for file in self.files if file.role in self.knobs}
        data = [file.hash for file in self.files if file.role not in self.knobs]
        return {
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "release": self.release.hash if self.release else None,
            "base": self.base,
            "revision": self.revision,
            "seed": self.seed,
            "knobs": self.knobs | named,  # what is in a file decides, not where it lies
            **({"data": data} if data else {}),
            **({"rewards": [reward.identity() for reward in self.rewards]} if self.rewards else {}),
        }

    def files_of(self, role: str) -> tuple[FileReference, ...]:
        return tuple(file for file in self.files if file.role == role)


@dataclass(frozen=True)
class RunDirectory:
    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def prompts(self) -> Path:
        return self.path / "prompts.jsonl"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def base(self) -> Path:
        """The weights of base `tiny`, made by the run itself."""
        return self.path / "base"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def responses(self) -> Path:
        return self.path / "responses.jsonl"

    @property
    def completions(self) -> Path:
        return self.path / "completions.jsonl"

    @property
    def report(self) -> Path:
        return self.path / "report.json"

    @property
    def timing(self) -> Path:
        return self.path / "timing.json"

    @property
    def error(self) -> Path:
        return self.path / "error.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    def is_done(self) -> bool:
        return self.report.is_file()

    def write_config(self, config: Config) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.config, {"format_version": FORMAT_VERSION, **asdict(config)})

    def read_config(self) -> Config:
        """
        Raises:
            InvalidRun: no config.json, or one that this version cannot read.
        """
        record = read_json(self.config)
        if record is None:
            raise InvalidRun(f"{self.path} is no run: it holds no readable config.json")
        version = record.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise InvalidRun(f"{self.config}: format version {version!r}; this program reads {FORMAT_VERSION}")
        try:
            release = record.pop("release")
            files = tuple(FileReference(**file) for file in record.pop("files", ()))
            rewards = tuple(RewardReference(**reward) for reward in record.pop("rewards", ()))
            reference = ReleaseReference(**release) if release else None
            return Config(release=reference, files=files, rewards=rewards, **record)
        except (KeyError, TypeError) as error:
            raise InvalidRun(f"{self.config} is not as a run's config is: {error}") from None

    def read_report(self) -> dict[str, Any] | None:
        return read_json(self.report)

    def read_error(self) -> str | None:
        """The sentence of error.json, if the last attempt ended in a mistake of the user's."""
        return (read_json(self.error) or {}).get("sentence")

    def write_error(self, sentence: str) -> None:
        write_json(self.error, {"sentence": sentence})

    def clear_unfinished(self) -> None:
        """Remove the last attempt's error, and what a kill caught while it was being written beside its target."""
        self.error.unlink(missing_ok=True)
        for path in self.path.glob(".*.[0-9]*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        append_line(self.metrics, record)

    def read_metrics(self) -> list[dict[str, Any]]:
        return list(read_lines(self.metrics))

    def forget_metrics_after(self, step: int) -> None:
        """Before going on from the checkpoint of `step`: later lines will be written again."""
        if self.metrics.exists():
            kept = [record for record in self.read_metrics() if record.get("step", 0) <= step]
            write_text(self.metrics, "".join(line_of(record) for record in kept))

    def is_locked(self) -> bool:
        """Whether a process works here now."""
        try:
            with self.locked():
                return False
        except RunBusy:
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory while the block runs.

        Raises:
            RunBusy: another process holds it.
            InvalidRun: nothing can be written there.
        """
        with written_to(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunBusy(f"another process works in {self.path}; wait for it, or stop it first") from None
            yield
        finally:
            os.close(descriptor)


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """What the file system refuses in the block becomes a sentence."""
    try:
        yield
    except OSError as error:
        raise InvalidRun(
            f"Nothing can be written to {path} ({error.strerror}): set RUNS_DIR to a folder that can be written to."
        ) from None


def write_text(path: Path, text: str) -> None:
    """Replace `path` in one step: a reader sees the old text or the new one, also after a power cut."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in the file; None when it is missing or no JSON object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def line_of(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line_of(record))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every complete line of a JSONL file; what a kill cut off at the end is no line."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            yield json.loads(line)

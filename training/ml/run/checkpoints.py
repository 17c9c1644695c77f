"""Which checkpoint a run may go on from: the last one whose saving ended. A kill can leave half of one."""

import re
import shutil
from pathlib import Path

from training.ml.run import weights
from training.ml.run.environment import is_main_process, processes

MARK = "complete"
NAME = re.compile(r"checkpoint-(\d+)")


def seal(directory: Path, step: int) -> None:
    """Say that the checkpoint of `step` is whole, and how many processes made it; called when all is written."""
    checkpoint = directory / f"checkpoint-{step}"
    weights.flush(checkpoint)  # the mark must not outlive a power cut that the rest does not
    (checkpoint / MARK).write_text(str(processes()))


def processes_of(checkpoint: Path) -> int:
    return int((checkpoint / MARK).read_text() or 1)


def last_complete(directory: Path) -> tuple[int, Path] | None:
    """Step and path; incomplete ones are removed, so that nothing mistakes them for good."""
    found: list[tuple[int, Path]] = []
    for path in directory.glob("checkpoint-*"):
        match = NAME.fullmatch(path.name)
        if match and (path / MARK).exists():
            found.append((int(match[1]), path))
        elif match and is_main_process():  # of several, one removes
            shutil.rmtree(path)
    return max(found, default=None)

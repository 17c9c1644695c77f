"""A full disk: told from other mistakes, tidied up after, and said in one sentence. Torch-free."""

import errno
import re
import shutil
from pathlib import Path

from training.ml.run import checkpoints
from training.ml.run.rundir import RunDirectory

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# torch, safetensors and SQLite pass on what the system said as a text, or say only what they were doing.
SAID = re.compile(
    r"\(os error (?:27|28|122)\)|No space left on device|PytorchStreamWriter failed writing|"
    r"unexpected pos \d+ vs \d+|database or disk is full"
)


def is_full(error: BaseException) -> bool:
    """Whether this, or an error that it came of, is a disk, a quota or a file at its limit."""
    found: BaseException | None = error
    while found is not None:
        if (isinstance(found, OSError) and found.errno in FULL) or SAID.search(str(found)):
            return True
        found = found.__cause__ or found.__context__
    return False


def make_room(directory: RunDirectory) -> None:
    """What was half written goes: it is of no use, and the sentence needs a place."""
    for path in [directory.path, *directory.path.glob("members/*")]:  # an ensemble's are runs of their own
        RunDirectory(path).clear_unfinished()
        checkpoints.last_complete(path / "checkpoints")


def sentence(directory: RunDirectory) -> str:
    """What to free, and how to go on."""
    free = shutil.disk_usage(directory.path).free
    unneeded = sum(map(size, finished_checkpoints(directory.path.parent)))
    hint = f"; checkpoints/ of finished runs beside it hold {megabytes(unneeded)} and are needed no more"
    return (
        f"The disk is full: {directory.path} could not be written to ({megabytes(free)} are free)"
        f"{hint if unneeded else ''}. Free some space and give the same command again: it goes on from the last "
        "checkpoint."
    )


def finished_checkpoints(runs: Path) -> list[Path]:
    return [report.with_name("checkpoints") for report in runs.glob("*/report.json")]


def size(directory: Path) -> int:
    """Bytes of the files below."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"

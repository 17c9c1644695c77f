"""The result of a run on disk: whole or not there, whenever the process is killed or the power goes."""

import os
import shutil
from pathlib import Path
from typing import Any


def save(path: Path, *parts: Any) -> None:
    """`save_pretrained` of every part (model, tokenizer) into a directory that appears in one step."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    for part in parts:
        part.save_pretrained(beside)
    flush(beside)
    replace(path, beside)


def flush(directory: Path) -> None:
    """To the disk itself, files before their directory: a name that outlives a power cut has its bytes."""
    for path in [*directory.rglob("*"), directory]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace(path: Path, beside: Path) -> None:
    """What stood there goes aside in one step: half deleted it might still load."""
    before = beside.with_name(f"{beside.name}.before")
    if path.exists():
        path.rename(before)
    beside.rename(path)
    shutil.rmtree(before, ignore_errors=True)

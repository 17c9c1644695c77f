"""The result of a run on disk: whole or not there."""

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
    shutil.rmtree(path, ignore_errors=True)
    beside.rename(path)

"""Files of conversations for the tests of supervised fine-tuning."""

import json
from collections.abc import Sequence
from pathlib import Path

from training.ml.data.fingerprints import fingerprint
from training.ml.run.rundir import FileReference


def written(path: Path, pairs: Sequence[tuple[str, str]], *, role: str) -> FileReference:
    """An Alpaca file of questions with their answers."""
    path.write_text(json.dumps([{"instruction": question, "output": answer} for question, answer in pairs]))
    return FileReference(role=role, path=str(path), hash=fingerprint(path))


def general(path: Path, *, role: str = "mix", count: int = 60) -> FileReference:
    """Conversations that are unlike the demonstrations."""
    return written(path, [(f"What follows {n}?", f"{n + 1}") for n in range(count)], role=role)

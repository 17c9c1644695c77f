"""Which files may hold conversations, and their identity: SHA-256 of their bytes.

Loads nothing heavy, so that plans can be made with it.
"""

import hashlib
from pathlib import Path

from training.exceptions import InvalidRelease

ENDINGS = (".jsonl", ".ndjson", ".json", ".parquet")
GZIP = ".gz"  # behind any of them but .parquet, which is compressed as it is


def ending(path: Path) -> str:
    """Which of ENDINGS the name has, without regard to GZIP.

    Raises:
        InvalidRelease: none.
    """
    plain = path.name.removesuffix(GZIP)
    for found in ENDINGS:
        if plain.endswith(found) and not (found == ".parquet" and path.suffix == GZIP):
            return found
    raise InvalidRelease(f"{path}: expected a name that ends in .json, .jsonl, one of them with .gz, or .parquet")


def fingerprint(path: Path) -> str:
    """64 hexadecimal characters.

    Raises:
        InvalidRelease: no such file, one that cannot be read, or none of those that may hold conversations.
    """
    ending(path)
    try:
        return sha256_of(path)
    except OSError as error:
        raise InvalidRelease(f"{path} cannot be read ({error.strerror}): name a file of conversations") from None


def sha256_of(path: Path) -> str:
    """Of the bytes of any file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

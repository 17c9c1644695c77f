"""The identity of a file of data: SHA-256 of its bytes. Loads nothing heavy, so that plans can be made with it."""

import hashlib
from pathlib import Path

from training.exceptions import InvalidRelease


def fingerprint(path: Path) -> str:
    """64 hexadecimal characters.

    Raises:
        InvalidRelease: no such file, or one that cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidRelease(f"{path} cannot be read ({error.strerror}): name a file of conversations") from None

"""The manifest of a release: what names it, and which files make it whole. Reads no Parquet."""

import json
from pathlib import Path
from typing import Any

from training.exceptions import InvalidRelease

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
RANKINGS = "rankings.parquet"


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of the release in this directory; its `hash` is a text.

    Raises:
        InvalidRelease: none that can be read, another format, or no hash in it.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict):
        raise InvalidRelease(f"{path} is no release: it holds no readable {MANIFEST}.")
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise InvalidRelease(f"{path / MANIFEST}: format version {version!r}; this program reads {FORMAT_VERSION}.")
    if not isinstance(manifest.get("hash"), str) or not manifest["hash"]:
        raise InvalidRelease(f"{path / MANIFEST} states no hash: export the release again.")
    return manifest

"""Finding a release on disk. What is in it is read where the training happens."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from training.exceptions import InvalidRelease
from training.ml.backbones.sources import is_directory
from training.ml.data.manifests import MANIFEST, RANKINGS, read_manifest
from training.ml.run.rundir import ReleaseReference, read_json

LISTED = 10


@dataclass(frozen=True, kw_only=True)
class ReleaseDirectory:
    path: Path
    hash: str
    manifest: dict[str, Any]

    @property
    def reference(self) -> ReleaseReference:
        return ReleaseReference(path=str(self.path), hash=self.hash)


def find(name: str) -> ReleaseDirectory:
    """The release called so: a directory, a name under RELEASES_DIR, or the only one whose name or hash begins so.

    Raises:
        InvalidRelease: there is none, there are several, or the directory holds no whole release.
    """
    for path in (Path(name).expanduser(), settings.RELEASES_DIR / name):
        if name and is_directory(path):
            return read(path.resolve())
    matches = [path for path in available() if name and begins(path, name)]
    if len(matches) == 1:
        return read(matches[0])
    if matches:
        raise InvalidRelease(
            f"Several releases begin with {name!r}: {listed(matches)}. Give more of the name, or --resume RUN to go "
            "on with a run."
        )
    raise InvalidRelease(f"There is no release {name!r}. {existing()}")


def read(path: Path) -> ReleaseDirectory:
    """The release in this directory, if its manifest can be read and its rows are there."""
    manifest = read_manifest(path)
    if not (path / RANKINGS).is_file():
        raise InvalidRelease(f"{path} holds no {RANKINGS}: copy the whole directory, or export the release again.")
    return ReleaseDirectory(path=path, hash=manifest["hash"], manifest=manifest)


def available() -> list[Path]:
    """The directories under RELEASES_DIR that look like releases, by name."""
    return sorted(manifest.parent for manifest in settings.RELEASES_DIR.glob(f"*/{MANIFEST}"))


def begins(path: Path, prefix: str) -> bool:
    if path.name.startswith(prefix) or path.name.rpartition("-")[2].startswith(prefix):
        return True
    return str((read_json(path / MANIFEST) or {}).get("hash", "")).startswith(prefix)


def existing() -> str:
    paths = available()
    if not paths:
        return "There are none yet: `manage.py export_release --project P` makes one."
    return f"There are: {listed(paths)}."


def listed(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:LISTED])
    return names if len(paths) <= LISTED else f"{names} and {len(paths) - LISTED} more"

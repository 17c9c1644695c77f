"""Which code is running: stored with every run."""

import subprocess
import tomllib

from django.conf import settings


def project_version() -> str:
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def commit() -> str:
    """The commit of this checkout, `+dirty` with changes on top; without a checkout (an image) GIT_COMMIT."""
    head = git("rev-parse", "HEAD")
    if not head:
        return str(settings.GIT_COMMIT)
    return f"{head}+dirty" if git("status", "--porcelain") else head


def git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

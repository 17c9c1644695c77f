"""What this machine has, what it lacks, and what the lack costs. Looks only; changes nothing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A demo's runs and database, with room for a few more.
DISK_WANTED = 5 * 2**30
MEMORY_WANTED = 4 * 2**30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`needed`: without it the project does not work; else `cost` says what is lost."""

    name: str
    ok: bool
    found: str
    cost: str = ""
    needed: bool = False


def look() -> list[Finding]:
    checks: list[Callable[[], Finding]] = [python, packages, database, postgresql, browser, gpu, disk, memory]
    return [check() for check in checks] + [writable(path) for path in (settings.RELEASES_DIR, settings.RUNS_DIR)]


def python() -> Finding:
    return Finding(
        name="Python",
        ok=sys.version_info >= (3, 11),
        found=sys.version.split()[0],
        cost="3.11 or newer is needed",
        needed=True,
    )


def packages() -> Finding:
    """Compares what is installed with constraints.txt; versions of packages that are not installed do not matter."""
    differing = []
    installed = {dist.name.lower().replace("_", "-"): dist.version for dist in metadata.distributions()}
    for line in (settings.BASE_DIR / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        here = installed.get(name.lower().replace("_", "-"))
        if version and here and here.split("+")[0] != version:
            differing.append(f"{name} {here} instead of {version}")
    wanted = ("django", "torch", "transformers", "trl", "peft", "accelerate")
    missing = [name for name in wanted if name not in installed]
    return Finding(
        name="Packages",
        ok=not differing and not missing,
        found="; ".join(differing[:5] + [f"{name} is missing" for name in missing]) or "as in constraints.txt",
        cost="untested versions; `make install` puts the tested ones in",
        needed=bool(missing),
    )


def database() -> Finding:
    name = f"{connection.vendor} {connection.settings_dict['NAME']}"
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return Finding(name="Database", ok=False, found=f"{name}: {error}", cost="check DATABASE_URL", needed=True)
    if waiting:
        found = f"{name}: {len(waiting)} migrations wait"
        return Finding(name="Database", ok=False, found=found, cost="run `manage.py migrate`", needed=True)
    return Finding(name="Database", ok=True, found=name)


def postgresql() -> Finding:
    used = connection.vendor == "postgresql"
    return Finding(
        name="PostgreSQL",
        ok=used,
        found="in use" if used else "not in use",
        cost="SQLite lets one writer in at a time: fine for a team in one room; for more set DATABASE_URL=postgres://…",
    )


def browser() -> Finding:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return Finding(
        name="Chromium",
        ok=found is not None,
        found=found or "not found",
        cost="only the browser tests need it; `make test` installs it on Debian",
    )


def gpu() -> Finding:
    names = ""
    if program := shutil.which("nvidia-smi"):
        query = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        names = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    return Finding(
        name="GPU",
        ok=bool(names),
        found=names.replace("\n", "; ") or "none",
        cost="training runs on the CPU: right for the tiny model, too slow for a base of a billion parameters",
    )


def disk() -> Finding:
    free = shutil.disk_usage(settings.BASE_DIR).free
    return Finding(
        name="Disk",
        ok=free >= DISK_WANTED,
        found=f"{free / 2**30:.0f} GiB free",
        cost=f"under {DISK_WANTED / 2**30:.0f} GiB checkpoints may fill it; RUNS_DIR can point elsewhere",
    )


def memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Finding(
        name="Memory",
        ok=total >= MEMORY_WANTED,
        found=f"{total / 2**30:.0f} GiB, {os.cpu_count()} cores",
        cost=f"under {MEMORY_WANTED / 2**30:.0f} GiB training may be killed",
    )


def writable(path: Path) -> Finding:
    """Of a directory that is made at its first use the nearest one that exists counts."""
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    return Finding(
        name=f"{path.name}/",
        ok=os.access(existing, os.W_OK | os.X_OK),
        found=str(path),
        cost=f"{existing} cannot be written to: nothing can be released or trained",
        needed=True,
    )

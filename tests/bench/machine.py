"""What a server and its database take of the machine, as the kernel counts it."""

import os
import platform
import re
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import psycopg

MEGABYTE = 2**20


def described() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    name = found.group(1) if found else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB"


def postmaster_of(url: str) -> psutil.Process:
    """The parent of the backend that answers: the database has to run on this machine."""
    with psycopg.connect(url) as connection:
        (backend,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        parent = psutil.Process(backend).parent()
    if parent is None:
        raise RuntimeError(f"No process of this machine serves {url}.")
    return parent


def family(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    found = []
    for root in roots:
        found += [root, *root.children(recursive=True)]
    return found


def cpu_seconds(roots: Sequence[psutil.Process]) -> float:
    """Of the whole family, with children that have ended: each backend of PostgreSQL is one."""
    total = 0.0
    for process in family(roots):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def resident_megabytes(roots: Sequence[psutil.Process]) -> float:
    total = 0
    for process in family(roots):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MEGABYTE


def proportional_megabytes(roots: Sequence[psutil.Process]) -> float:
    """Memory that several of them share, counted once."""
    total = 0
    for process in family(roots):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / MEGABYTE


def busy_seconds() -> float:
    """Of all cores together, since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


class Meter:
    """Measures from `start` to `stop`; `other_cores` says what programs outside the measurement took meanwhile."""

    def __init__(self, *, server: Sequence[psutil.Process], database: Sequence[psutil.Process] = ()) -> None:
        self.server, self.database = server, database
        self.rss = 0.0

    def start(self) -> None:
        self.before = self._counters()

    def look(self) -> None:
        self.rss = max(self.rss, resident_megabytes(self.server))

    def stop(self, *, pairs: int) -> dict[str, object]:
        self.look()
        began, server, database, client, busy = (
            after - before for after, before in zip(self._counters(), self.before, strict=True)
        )
        each = 1000 / pairs if pairs else 0
        return {
            "server_cpu_ms": round(server * each, 1),
            "database_cpu_ms": round(database * each, 1) if self.database else None,
            "client_cpu_ms": round(client * each, 1),
            "other_cores": round((busy - server - database - client) / began, 2),
            "rss_mb": round(self.rss, 1),
            "pss_mb": round(proportional_megabytes(self.server), 1),
        }

    def _counters(self) -> tuple[float, ...]:
        return (
            time.perf_counter(),
            cpu_seconds(self.server),
            cpu_seconds(self.database),
            time.process_time(),
            busy_seconds(),
        )

"""`manage.py` as its users run it: a process of its own on the test's database and directories."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import psutil
from django.conf import settings
from django.db import connection

CHECKOUT = Path(__file__).resolve().parents[3]


def database_url() -> str:
    """The database of this test, which is not the one that its settings name."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    secret = f":{values['PASSWORD']}" if values["PASSWORD"] else ""
    return f"postgres://{values['USER']}{secret}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def manage(*arguments: str, stderr: int | IO[Any] = subprocess.PIPE, database: str = "") -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "DATABASE_URL": database or database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "RELEASES_DIR": str(settings.RELEASES_DIR),
        "RUNS_DIR": str(settings.RUNS_DIR),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def wait_for(process: "subprocess.Popen[str]", condition: Any, *, seconds: float = 120) -> None:
    """Until the condition holds; a process that ends before is a failure, with what it said."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"ended too early with {process.returncode}: {process.communicate()}")
    raise AssertionError(f"not within {seconds} seconds")


def child_of(process: "subprocess.Popen[str]") -> psutil.Process:
    """The training that this command has started."""
    return next(child for child in psutil.Process(process.pid).children() if "training.ml" in child.cmdline())

"""The site as it is shipped, gunicorn with its workers, on the test's own database; and what kills the workers."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent.parent
WORKERS = 3


def database_url() -> str:
    """Of the test's database, for another process."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    password = f":{quote(found['PASSWORD'])}" if found["PASSWORD"] else ""
    return f"postgres://{quote(found['USER'])}{password}@{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"


@contextmanager
def served() -> Iterator[tuple[str, psutil.Process]]:
    """Its address, and the process whose children are the workers. The socket is ours, so that a request that comes
    before the first worker waits for it."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SECRET_KEY": settings.SECRET_KEY,
        "PSEUDONYM_KEY": settings.PSEUDONYM_KEY,
    }
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening, tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "gunicorn", "flywheel.wsgi", "--config", "deploy/gunicorn.conf.py"]
        command += ["--bind", f"fd://{listening.fileno()}", "--workers", str(WORKERS)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, pass_fds=[listening.fileno()]
        )
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=60)
            log.seek(0)
            print(log.read()[-4000:])


class Killer(threading.Thread):
    """Kills one worker after the other, without warning, until it is told to stop."""

    def __init__(self, master: psutil.Process, *, most: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.master, self.most, self.pause = master, most, pause
        self.enough = threading.Event()
        self.killed = 0
        self.chance = random.Random(1)

    def run(self) -> None:
        while self.killed < self.most and not self.enough.wait(self.pause):
            if workers := self.master.children():
                os.kill(self.chance.choice(workers).pid, signal.SIGKILL)
                self.killed += 1

    def stop(self) -> int:
        self.enough.set()
        self.join()
        return self.killed

"""Start of the web process, import and release of a large file: time and peak memory of whole processes.

    .venv/bin/python -m tests.bench.bench_house [FILE.jsonl.gz]

Peers, in the same run: an empty Django project for the start; for import and release one pass of `json.loads` over
the same file, which is what reading alone costs. Without a file it makes 3,000 rows of its own. Prints the table that
stands in docs/benchmarks.md.
"""

import gzip
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STARTS = 7
WEB = "from flywheel.wsgi import application; from django.urls import get_resolver; get_resolver().url_patterns"
EMPTY = (
    "from django.conf import settings; settings.configure(SECRET_KEY='x', "
    "INSTALLED_APPS=['django.contrib.admin', 'django.contrib.auth', 'django.contrib.contenttypes', "
    "'django.contrib.sessions', 'django.contrib.messages']); "
    "from django.core.wsgi import get_wsgi_application; get_wsgi_application()"
)
READ = "import gzip, json, sys\nfor line in gzip.open(sys.argv[1]): json.loads(line)"


@dataclass(frozen=True)
class Cost:
    seconds: float
    megabytes: float


def measure(*command: str, environment: dict[str, str]) -> Cost:
    """Run one process to its end; wall seconds and peak resident memory as the kernel counted them."""
    code = (
        "import resource, subprocess, sys, time; start = time.perf_counter(); "
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); seconds = time.perf_counter() - start; "
        "print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, kilobytes = done.stdout.split()
    return Cost(float(seconds), int(kilobytes) / 1024)


def median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(c.seconds for c in costs), statistics.median(c.megabytes for c in costs))


@contextmanager
def workplace() -> Iterator[tuple[Path, dict[str, str]]]:
    """A scratch directory with a database of its own."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        yield (
            scratch,
            {
                **os.environ,
                "SECRET_KEY": "bench",
                "PSEUDONYM_KEY": "bench",
                "DJANGO_SETTINGS_MODULE": "flywheel.settings",
                "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{scratch / 'bench.sqlite3'}",
                "RELEASES_DIR": str(scratch / "releases"),
                "RUNS_DIR": str(scratch / "runs"),
                "PYTHONWARNINGS": "ignore",
            },
        )


def own_rows(path: Path) -> Path:
    """3,000 seeded rows of four answers, each judged by three annotators."""
    draw = random.Random(7)
    words, order = [f"word{i}" for i in range(2000)], range(4)
    with gzip.open(path, "wt") as file:
        for i in range(3000):
            responses = [{"text": " ".join(draw.choices(words, k=80)), "policy": f"p{j}"} for j in order]
            judgements = [{"annotator": f"a{j}", "ranking": [[k] for k in draw.sample(order, 4)]} for j in range(3)]
            row = {"prompt": f"Question {i}?", "responses": responses, "judgements": judgements}
            file.write(json.dumps(row) + "\n")
    return path


def report(title: str, ours: Cost, peer: Cost, *, n: int) -> None:
    print(
        f"| {title} | {ours.seconds:.2f} | {ours.megabytes:.0f} | {peer.seconds:.2f} | {peer.megabytes:.0f} "
        f"| {ours.seconds / peer.seconds:.1f} | {n} |",
        flush=True,
    )


def main() -> None:
    python = sys.executable
    with workplace() as (scratch, environment):
        file = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else own_rows(scratch / "rows.jsonl.gz")
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; file {file.name}\n")
        print("| what | s | peak MB | peer s | peer peak MB | ratio of times | n |\n|---|---|---|---|---|---|---|")
        starts = [measure(python, "-c", WEB, environment=environment) for _ in range(STARTS)]
        empty = [measure(python, "-c", EMPTY, environment=environment) for _ in range(STARTS)]
        report("start of the web process", median(starts), median(empty), n=STARTS)
        read = measure(python, "-c", READ, str(file), environment=environment)
        manage = (python, "manage.py")
        measure(*manage, "migrate", "--verbosity", "0", environment=environment)
        for title, command in (
            ("import_data", ("import_data", str(file), "--project", "bench", "--create")),
            ("import_data again", ("import_data", str(file), "--project", "bench")),
            ("export_release", ("export_release", "--project", "bench")),
        ):
            report(title, measure(*manage, *command, environment=environment), read, n=1)


if __name__ == "__main__":
    main()

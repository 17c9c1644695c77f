"""The quality pages of a project of a million judgements: what measuring takes, and what each page takes.

    .venv/bin/python -m tests.bench.bench_quality [--judgements 1000000] [--only sqlite postgresql]

On each database a project of `tests.bench.million` is made (minutes), measured by `manage.py measure --once` in a
process of its own (CPU seconds, peak of memory), and every page asked for as a reviewer, through all of Django but
no network (milliseconds, queries). `--keep` leaves the database there and takes it up again the next time. Prints the
tables that stand in docs/benchmarks.md.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import django
import psycopg

from tests.bench import machine

POSTGRESQL = "postgres://postgres@127.0.0.1:5432"
DATABASE = "flywheel_bench_quality"
SLUG = "million"
ROOT = Path(__file__).resolve().parents[2]
STEPS = ("seed", "measure", "pages")
REPEATS = 7  # of each page, after one that is not counted
SECRETS = {"SECRET_KEY": "bench", "PSEUDONYM_KEY": "bench", "DJANGO_SETTINGS_MODULE": "tests.settings"}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judgements", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--only", nargs="+", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"])
    parser.add_argument("--postgresql", default=POSTGRESQL, help="a server on this machine that may make databases")
    parser.add_argument("--keep", type=Path, help="folder for the databases, which are left there")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)  # in a process of its own
    return parser.parse_args()


@contextmanager
def database(kind: str, chosen: argparse.Namespace) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{(chosen.keep or Path(folder)).absolute() / 'quality.sqlite3'}"
        return
    with psycopg.connect(f"{chosen.postgresql}/postgres", autocommit=True) as server:
        there = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not there:
            server.execute(f"CREATE DATABASE {DATABASE}")
        yield f"{chosen.postgresql}/{DATABASE}"
        if not chosen.keep:
            server.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def run(kind: str, chosen: argparse.Namespace) -> None:
    with database(kind, chosen) as url:
        environment = os.environ | SECRETS | {"DATABASE_URL": url}
        manage(environment, "migrate", "--verbosity", "0")
        step(environment, chosen, "seed")
        if kind == "postgresql":
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")  # what autovacuum does within minutes
        measured = json.loads(step(environment, chosen, "measure"))
        pages = json.loads(step(environment, chosen, "pages"))
    print_tables(kind, measured=measured, pages=pages)


def manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def step(environment: dict[str, str], chosen: argparse.Namespace, name: str) -> str:
    numbers = ["--judgements", str(chosen.judgements), "--people", str(chosen.people)]
    command = [sys.executable, "-m", "tests.bench.bench_quality", "--step", name, *numbers]
    found = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return found.stdout


def seeded(chosen: argparse.Namespace) -> None:
    """Unless it is there already."""
    from annotation.models import Project
    from tests.bench import million

    if not Project.objects.filter(slug=SLUG).exists():
        million.made(SLUG, judgements=chosen.judgements, people=chosen.people)


def measured() -> dict[str, Any]:
    """By this process, which does nothing else."""
    from annotation.actions.quality.measuring import measure
    from annotation.models import Project

    began, steps = time.monotonic(), [("start", time.process_time())]
    found = measure(Project.objects.get(slug=SLUG), tell=lambda name: steps.append((name, time.process_time())))
    steps.append(("keeping", time.process_time()))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "judgements": found.judgements,
        "tasks": sum(found.content["progress"]["tasks"].values()),
        "wall": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
        "steps": {name: end - start for (name, start), (_, end) in pairwise(steps[1:])},
    }


def pages() -> list[dict[str, Any]]:
    from django.contrib.auth.models import User
    from django.test import Client

    from annotation.models import Membership, Project

    project = Project.objects.get(slug=SLUG)
    user, _ = User.objects.get_or_create(username="bench-reviewer")
    Membership.objects.get_or_create(project=project, user=user, role=Membership.Role.REVIEWER)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    return [page(client, name, address) for name, address in addresses(project).items()]


def addresses(project: Any) -> dict[str, str]:
    from django.urls import reverse

    from annotation.models import AnnotatorMeasure, TaskMeasure

    person = AnnotatorMeasure.objects.order_by("-judgements").first().annotator.name
    task = TaskMeasure.objects.order_by("-information").first().task_id

    def at(name: str, *arguments: str) -> str:
        return reverse(f"annotation:{name}", args=[project.slug, *arguments])

    behind = at("quality_judgements")
    return {
        "overview": at("quality"),
        "people": at("quality_people"),
        "people, the last page by repeats": f"{at('quality_people')}?sort=repeats&page=10",
        "one person": at("quality_person", person),
        "who agrees": at("quality_matrix"),
        "items": at("quality_items"),
        "items of a tag": f"{at('quality_items')}?tag=topic-3",
        "guidelines": at("quality_guidelines"),
        "policies": at("quality_policies"),
        "tags": at("quality_slices"),
        "judgements": behind,
        "judgements of a person": f"{behind}?annotator={person}",
        "judgements of a task": f"{behind}?task={task}",
        "judgements of a tag": f"{behind}?tag=topic-3",
        "judgements under a guideline": f"{behind}?guideline=1",
        "judgements between policies": f"{behind}?policy={SLUG}-policy-5&against={SLUG}-policy-0",
        "known answers": f"{behind}?known=1",
        "repeats": f"{behind}?repeats=1",
    }


def page(client: Any, name: str, address: str) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    if answer.status_code != 200:
        sys.exit(f"{address} answers {answer.status_code}")
    queries = len(captured)  # the next request forgets them
    times = [once(client, address) for _ in range(REPEATS)]
    return {"name": name, "queries": queries, "bytes": len(answer.content), "times": times}


def once(client: Any, address: str) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    client.get(address)
    return 1000 * (time.perf_counter() - began)


def print_tables(kind: str, *, measured: dict[str, Any], pages: list[dict[str, Any]]) -> None:
    print(f"\n{kind}: {measured['judgements']:,} judgements of {measured['tasks']:,} tasks\n")
    print("| measuring | CPU s |\n|---|---|")
    for name, seconds in measured["steps"].items():
        print(f"| {name} | {seconds:.1f} |")
    print(
        f"\nIn all {measured['cpu']:.0f} s CPU, {measured['wall']:.0f} s by the clock, {measured['peak_mb']:.0f} MB\n"
    )
    print("| page | ms, median | worst | queries | KB |\n|---|---|---|---|---|")
    for one in pages:
        median, worst = statistics.median(one["times"]), max(one["times"])
        print(f"| {one['name']} | {median:.0f} | {worst:.0f} | {one['queries']} | {one['bytes'] / 1024:.0f} |")


def main() -> None:
    chosen = options()
    if chosen.step is None:
        print(machine.described())
        for kind in chosen.only:
            run(kind, chosen)
        return
    django.setup()
    if chosen.step == "seed":
        seeded(chosen)
    else:
        print(json.dumps(measured() if chosen.step == "measure" else pages()))


if __name__ == "__main__":
    main()

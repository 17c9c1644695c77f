"""The desk under load: pairs (a submission, and the next task lying ready) a second, latencies, CPU, memory, and what
must never happen.

    .venv/bin/python -m tests.bench.bench_desk [--peers FOLDER] [--json FILE]

N annotators in one client process against gunicorn as it is shipped, on PostgreSQL and on SQLite, in a closed loop;
then 32 who think for five seconds; then a queue of 100,000 tasks beside one of 1,000; then the page in Chromium.
Peers, with the same client in the same run, are the servers that `peers.json` in FOLDER describes. Prints the tables
that stand in docs/benchmarks.md. Measure on a machine that does nothing else: see the column "other cores".
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg

from tests.bench import machine, paint
from tests.bench.crowd import median_of, run
from tests.bench.sites import Flywheel, Peer, Site, peers_of

POSTGRESQL = "postgres://postgres@127.0.0.1:5432"
DATABASE = "flywheel_bench"
THINKERS, THINK_SECONDS, THINK_RUN = 32, 5.0, 90.0
SIZES = (1_000, 100_000)
WARM_UP = {"pairs": 60, "seconds": 20.0}
COLUMNS = (
    *("server", "N", "pairs/s", "next p50 / p95 / p99 ms", "submit p50 / p95 / p99 ms"),
    *(
        "CPU ms a pair: server + database",
        "RSS / PSS MB",
        "done twice",
        "over-filled",
        "lost",
        "errors",
        "other cores",
    ),
)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["postgresql", "sqlite", "peers"], help="what to measure")
    parser.add_argument("--parts", nargs="+", default=["loop", "think", "sizes", "queries", "page"])
    parser.add_argument("--n", type=int, nargs="+", default=[1, 4, 16, 32], help="annotators at once")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=25, help="at most, for each repeat")
    parser.add_argument("--tasks", type=int, default=3000, help="in each fresh queue")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--think-seconds", type=float, default=THINK_RUN, help="how long the thinkers work")
    parser.add_argument("--workers", type=int, default=2, help="of gunicorn")
    parser.add_argument("--postgresql", default=POSTGRESQL, help="a server on this machine that may make databases")
    parser.add_argument("--peers", type=Path, help="the folder with peers.json")
    parser.add_argument("--json", type=Path, help="where every single repeat is written")
    return parser.parse_args()


@contextmanager
def database(url: str) -> Iterator[str]:
    """A database of its own on the server, dropped afterwards."""
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        yield f"{url}/{DATABASE}"
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


class Report:
    """Prints each line as it comes; keeps every repeat."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen, self.rows = chosen, []

    def keep(self, site: Site, part: str, **found: Any) -> dict[str, Any]:
        row = {"server": site.name, "database": site.database, "part": part, **found}
        self.rows.append(row)
        if self.chosen.json:
            self.chosen.json.write_text(json.dumps({"machine": machine.described(), "rows": self.rows}, indent=1))
        return row

    def line(self, site: Site, row: dict[str, Any], *, name: str = "") -> None:
        cells = (
            *(name or f"{site.name}, {site.database}", row["n"], row["pairs_a_second"]),
            *(asked_times(row), times(row["submit"])),
            f"{row['server_cpu_ms']} + {row['database_cpu_ms'] or 0}",
            f"{row['rss_mb']:.0f} / {row['pss_mb']:.0f}",
            *(row["done_twice"], row["over_filled"], row["lost"], sum(row["errors"].values()), row["other_cores"]),
        )
        print(line_of(cells), flush=True)
        if row["errors"] or row["ran_dry"]:
            dry = "the queue ran dry" if row["ran_dry"] else ""
            print(f"  {row['errors']} {row['error_sample']} {dry}", file=sys.stderr)


def line_of(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def times(quantiles: dict[str, float]) -> str:
    return " / ".join(f"{quantiles[name]:.0f}" for name in ("p50", "p95", "p99")) if quantiles else "–"


def asked_times(row: dict[str, Any]) -> str:
    """Of the requests for a next task; where most pairs needed none, it says how many there were."""
    some = f" (n = {row['asked']})" if 0 < row["asked"] < row["pairs"] else ""
    return times(row["next"]) + some


def checked(site: Site, found: dict[str, Any], *, stored: int = 0) -> dict[str, Any]:
    """With what the server has of it; `stored` was there before."""
    there = site.check()
    return {**found, **there, "lost": found["pairs"] + stored - there["stored"]}


def loop(site: Site, report: Report) -> None:
    """Without think time, each repeat before a fresh queue, stopped before that runs dry."""
    chosen = report.chosen
    for n in chosen.n:
        runs = []
        for repeat in range(chosen.repeats):
            desks = site.fresh(tasks=chosen.tasks, people=n)
            limit = {"pairs": chosen.tasks - 4 * n, "seconds": chosen.seconds}
            found = checked(site, run(desks, meter=site.meter(), **limit))
            runs.append(report.keep(site, "loop", repeat=repeat, **found))
        report.line(site, median_of(runs))


def think(site: Site, report: Report) -> None:
    desks = site.fresh(tasks=report.chosen.tasks, people=THINKERS)
    limit = {"pairs": report.chosen.tasks, "seconds": report.chosen.think_seconds}
    found = checked(site, run(desks, meter=site.meter(), think=THINK_SECONDS, **limit))
    name = f"{site.name}, {site.database}, thinking {THINK_SECONDS:.0f} s (n = {found['pairs']})"
    report.line(site, report.keep(site, "think", **found), name=name)


def sizes(site: Flywheel, report: Report) -> None:
    """Each next is asked for by itself, so that it can be timed beside the submit."""
    chosen = report.chosen
    for size in chosen.sizes:
        site.project(tasks=size)
        for n in (1, 16):
            pairs = min(chosen.tasks, size) // 4
            runs = []
            for repeat in range(chosen.repeats):
                before = site.check()["stored"]
                limit = {"pairs": pairs // chosen.repeats, "seconds": chosen.seconds}
                found = run(site.desks(n, keeps=False), meter=site.meter(), **limit)
                found = checked(site, found, stored=before)
                runs.append(report.keep(site, "sizes", size=size, repeat=repeat, **found))
            report.line(site, median_of(runs), name=f"{site.name}, {site.database}, {size:,} tasks, next asked for")


def queries(site: Flywheel, report: Report) -> None:
    found = site.rows("queries", site.project(tasks=20))
    report.keep(site, "queries", **found)
    counts = f"{len(found['next'])} for a next alone, {len(found['submit'])} for a submit that brings the next"
    print(f"\n{site.database}, SQL queries: {counts}\n", flush=True)


def page(site: Flywheel, report: Report) -> None:
    found = paint.measure(site.address, site.project(tasks=60, size=4), site.cookies[0])
    report.keep(site, "page", **found)
    print(paint.described(found), flush=True)


OURS_AND_PEERS = {"loop": loop, "think": think}
OURS = {"sizes": sizes, "queries": queries, "page": page}


def measure(site: Any, report: Report, *, parts: dict[str, Callable[[Any, Report], None]]) -> None:
    run(site.fresh(tasks=200, people=8), meter=site.meter(), **WARM_UP)
    for name, part in parts.items():
        if name in report.chosen.parts:
            part(site, report)


def ours(chosen: argparse.Namespace) -> Iterator[str]:
    with ExitStack() as stack:
        if "postgresql" in chosen.only:
            yield stack.enter_context(database(chosen.postgresql))
        if "sqlite" in chosen.only:
            yield f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/bench.sqlite3"


def peers(chosen: argparse.Namespace) -> list[Peer]:
    if "peers" not in chosen.only:
        return []
    if not (chosen.peers and (chosen.peers / "peers.json").is_file()):
        print("\nNo peers were measured: name the folder with their peers.json by --peers, see docs/benchmarks.md.")
        return []
    return peers_of(chosen.peers)


def main() -> None:
    chosen = options()
    report, people = Report(chosen), max(*chosen.n, THINKERS)
    print(f"{machine.described()}; Python {platform.python_version()}, Django {django.__version__}; ", end="")
    print(f"{chosen.tasks:,} tasks of two answers, medians of {chosen.repeats}, {time.strftime('%B %Y')}\n")
    print(line_of(COLUMNS), line_of("---" for _ in COLUMNS), sep="\n")
    for url in ours(chosen):
        with Flywheel(url, workers=chosen.workers).up(people=people) as site:
            measure(site, report, parts={**OURS_AND_PEERS, **OURS})
    for peer in peers(chosen):
        with peer.up(people=people) as site:
            measure(site, report, parts=OURS_AND_PEERS)


if __name__ == "__main__":
    main()

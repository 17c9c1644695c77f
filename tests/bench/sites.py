"""The servers that are measured: how each is started, given a fresh queue and asked for what must never happen."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg

from tests.bench.connections import Connection
from tests.bench.crowd import Desk
from tests.bench.desks import ArgillaDesk, FlywheelDesk, LabelStudioDesk
from tests.bench.items import items
from tests.bench.machine import Meter, postmaster_of

ROOT = Path(__file__).resolve().parent.parent.parent
PORT = 8765
STARTUP_SECONDS = 180
MAX_LOG = 4000  # characters of a server's log, shown when something went wrong
BATCH = 500
ROWS = "import django; django.setup(); from tests.bench import rows; rows.main()"


class Site(Protocol):
    name: str
    database: str

    def meter(self) -> Meter: ...

    def fresh(self, *, tasks: int, people: int) -> list[Desk]:
        """A new queue, and so many annotators before it."""

    def check(self) -> dict[str, int]:
        """Of the newest queue: how many were `stored`, `done_twice` by one person, `over_filled`."""


@contextmanager
def process(command: Sequence[str], *, directory: Path, environment: dict[str, str], address: str) -> Iterator[Any]:
    """A server that answers, and is gone afterwards."""
    with tempfile.TemporaryFile("w+") as log:
        started = subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log)
        try:
            wait_for(address, started)
            yield psutil.Process(started.pid)
        except Exception:
            log.seek(0)
            print(log.read()[-MAX_LOG:], file=sys.stderr)
            raise
        finally:
            started.terminate()
            started.wait(timeout=60)


def wait_for(address: str, started: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < until and started.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310  # an address of our own
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"Nothing answers at {address}.")


class Flywheel:
    """Our own, behind gunicorn as it is shipped."""

    name = "Flywheel"

    def __init__(self, url: str, *, workers: int) -> None:
        self.url, self.workers = url, workers
        self.database = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
        self.address = f"http://127.0.0.1:{PORT}"
        self.queues = 0
        self.environment = {
            **os.environ,
            "SECRET_KEY": "bench",
            "PSEUDONYM_KEY": "bench",
            "DJANGO_SETTINGS_MODULE": "flywheel.settings",
            "DATABASE_URL": url,
            "DEBUG": "false",
            "HTTPS": "false",
            "PYTHONWARNINGS": "ignore",
        }

    @contextmanager
    def up(self, *, people: int) -> Iterator["Flywheel"]:
        for command in (("migrate", "--verbosity", "0"), ("collectstatic", "--noinput", "--verbosity", "0")):
            subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment, check=True)
        self.cookies = self.rows("people", people)
        gunicorn = [str(Path(sys.executable).with_name("gunicorn")), "flywheel.wsgi"]
        options = ["--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{PORT}", "--workers", self.workers]
        command = [*gunicorn, *map(str, options)]
        with process(command, directory=ROOT, environment=self.environment, address=self.address) as up:
            self.root = up
            yield self

    def rows(self, *arguments: object) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", ROWS, *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        return json.loads(done.stdout)

    def meter(self) -> Meter:
        return Meter(server=[self.root], database=[postmaster_of(self.url)] if self.database != "SQLite" else [])

    def project(self, *, tasks: int, size: int = 2) -> str:
        self.queues += 1
        self.slug = f"bench-{self.queues}"
        self.rows("project", self.slug, tasks, size)
        return self.slug

    def fresh(self, *, tasks: int, people: int) -> list[Desk]:
        self.project(tasks=tasks)
        return self.desks(people)

    def desks(self, people: int, *, keeps: bool = True) -> list[Desk]:
        return [FlywheelDesk(self.connection(cookie), self.slug, keeps=keeps) for cookie in self.cookies[:people]]

    def connection(self, cookie: str) -> Connection:
        made = Connection(self.address)
        made.cookies["sessionid"] = cookie
        return made

    def check(self) -> dict[str, int]:
        found: dict[str, int] = self.rows("check", self.slug)
        return found


class Peer:
    """A server that somebody set up in a folder; `peers.json` there says how, see docs/benchmarks.md."""

    def __init__(self, told: dict[str, Any], *, folder: Path) -> None:
        self.name, self.database, self.address = told["name"], told["database"], told["address"]
        self.told, self.folder = told, folder

    @contextmanager
    def up(self, *, people: int) -> Iterator["Peer"]:
        environment = {**os.environ, **self.told.get("environment", {})}
        with process(self.told["start"], directory=self.folder, environment=environment, address=self.address) as up:
            self.root = up
            yield self

    def meter(self) -> Meter:
        url = self.told.get("database_url")
        return Meter(server=[self.root], database=[postmaster_of(url)] if url else [])

    def connection(self, secret: str) -> Connection:
        header, keep_alive = self.told["header"], self.told.get("keep_alive", True)
        return Connection(self.address, keep_alive=keep_alive, headers={header: secret})

    def annotators(self, people: int) -> list[Connection]:
        return [self.connection(self.told["annotator"].format(number)) for number in range(people)]

    def settle(self) -> None:
        """As for our own: the planner knows the rows that have just been loaded."""
        if url := self.told.get("database_url"):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ANALYZE")


class LabelStudio(Peer):
    CONFIG = (
        '<View><Text name="prompt" value="$prompt"/><Pairwise name="pw" toName="r1,r2"/>'
        '<Text name="r1" value="$first"/><Text name="r2" value="$second"/></View>'
    )

    def fresh(self, *, tasks: int, people: int) -> list[Desk]:
        admin = self.connection(self.told["admin"])
        made = {"title": "bench", "label_config": self.CONFIG, "maximum_annotations": 1}
        made["sampling"] = "Sequential sampling"
        self.project = admin.send_json("POST", "/api/projects/", made)["id"]
        rows = [
            {"data": {"prompt": item.prompt, "first": item.responses[0], "second": item.responses[1]}}
            for item in items(tasks)
        ]
        admin.send_json("POST", f"/api/projects/{self.project}/import", rows)
        self.settle()
        return [LabelStudioDesk(connection, self.project) for connection in self.annotators(people)]

    def check(self) -> dict[str, int]:
        admin = self.connection(self.told["admin"])
        path = f"/api/projects/{self.project}/export?exportType=JSON&download_all_tasks=false"
        done = [task["annotations"] for task in admin.ask("GET", path).json]
        people = [Counter(one["completed_by"] for one in annotations) for annotations in done]
        return {
            "stored": sum(map(len, done)),
            "done_twice": sum(max(each.values(), default=0) > 1 for each in people),
            "over_filled": sum(len(annotations) > 1 for annotations in done),
        }


class Argilla(Peer):
    QUESTION = ("ranking", "Which is better?")

    def fresh(self, *, tasks: int, people: int) -> list[Desk]:
        admin = self.connection(self.told["admin"])
        workspace = admin.send_json("GET", "/api/v1/me/workspaces")["items"][0]["id"]
        settings = {"strategy": "overlap", "min_submitted": 1}
        made = {"name": f"bench-{time.time_ns()}", "workspace_id": workspace, "distribution": settings}
        self.dataset = admin.send_json("POST", "/api/v1/datasets", made)["id"]
        self._shape(admin)
        rows = [
            {"fields": {"prompt": item.prompt, "first": item.responses[0], "second": item.responses[1]}}
            for item in items(tasks)
        ]
        for start in range(0, len(rows), BATCH):
            batch = {"items": rows[start : start + BATCH]}
            admin.send_json("POST", f"/api/v1/datasets/{self.dataset}/records/bulk", batch)
        self.settle()
        return [ArgillaDesk(connection, self.dataset) for connection in self.annotators(people)]

    def _shape(self, admin: Connection) -> None:
        path = f"/api/v1/datasets/{self.dataset}"
        for name in ("prompt", "first", "second"):
            field = {
                "name": name,
                "title": name,
                "required": True,
                "settings": {"type": "text", "use_markdown": True},
            }
            admin.send_json("POST", f"{path}/fields", field)
        options = [{"value": value, "text": value, "description": None} for value in ("r0", "r1")]
        settings = {"type": "ranking", "options": options}
        name, title = self.QUESTION
        asked = {"name": name, "title": title, "required": True, "settings": settings}
        admin.send_json("POST", f"{path}/questions", asked)
        admin.send_json("PUT", f"{path}/publish")

    def check(self) -> dict[str, int]:
        admin, done, offset = self.connection(self.told["admin"]), [], 0
        while True:
            path = f"/api/v1/datasets/{self.dataset}/records?include=responses&offset={offset}&limit=1000"
            page = admin.send_json("GET", path)["items"]
            done += [record["responses"] or [] for record in page]
            offset += len(page)
            if not page:
                break
        people = [Counter(response["user_id"] for response in responses) for responses in done]
        return {
            "stored": sum(map(len, done)),
            "done_twice": sum(max(each.values(), default=0) > 1 for each in people),
            "over_filled": sum(len(responses) > 1 for responses in done),
        }


KINDS = {"label-studio": LabelStudio, "argilla": Argilla}


def peers_of(folder: Path) -> list[Peer]:
    told = json.loads((folder / "peers.json").read_text())
    return [KINDS[one["kind"]](one, folder=folder) for one in told]

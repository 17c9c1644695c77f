"""What the measured site holds, made and counted in a process of its own, since each database needs one; see
`Flywheel.rows`. Each action takes words and prints JSON."""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.actions import tasks
from annotation.models import (
    Annotator,
    Guideline,
    Judgement,
    Membership,
    Policy,
    Project,
    Prompt,
    Response,
    Seat,
    Slot,
    Task,
)
from tests.bench.connections import Answer, Refused
from tests.bench.desks import FlywheelDesk
from tests.bench.items import Item, items

BATCH = 2000
GUIDELINE = "Prefer the answer that **helps** more. Of two that help, take the shorter one:\n\n" + "\n".join(
    f"{n}. Is it {word}?" for n, word in enumerate(("true", "complete", "kind", "easy to read"), 1)
)
# How a transaction is framed is no statement about the data.
FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT")


def people(count: str) -> list[str]:
    """The session cookies of so many annotators."""
    cookies = []
    for number in range(int(count)):
        user, _ = User.objects.get_or_create(username=f"bench{number:03d}")
        Annotator.objects.get_or_create(user=user)
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        cookies.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    return cookies


def project(slug: str, count: str, size: str) -> None:
    """As the defaults of a project are, each task for one person, with a guideline that everybody has read."""
    made = Project.objects.create(slug=slug, name="Which answer is better?", responses_per_task=int(size))
    Guideline.objects.create(project=made, number=1, text=GUIDELINE)
    annotators = Annotator.objects.filter(user__username__startswith="bench").select_related("user")
    Membership.objects.bulk_create([Membership(project=made, user=person.user) for person in annotators])
    Seat.objects.bulk_create([Seat(project=made, annotator=person, guideline_seen=1) for person in annotators])
    policies = [policy(number) for number in range(int(size))]
    for batch in batches(items(int(count), responses=int(size))):
        prompts = Prompt.objects.bulk_create(
            Prompt(project=made, messages=[{"role": "user", "content": item.prompt}]).set_identity() for item in batch
        )
        Response.objects.bulk_create(
            Response(prompt=prompt, policy=author, text=text).set_identity()
            for prompt, item in zip(prompts, batch, strict=True)
            for author, text in zip(policies, item.responses, strict=True)
        )
    tasks.create_for_prompts(made, responses=int(size), overlap=1)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def policy(number: int) -> Policy:
    found, _ = Policy.objects.get_or_create(name=f"bench {number}", defaults={"kind": Policy.Kind.MODEL})
    return found


def check(slug: str) -> dict[str, int]:
    judged = Judgement.objects.current().filter(task__project__slug=slug)
    more = Task.objects.filter(project__slug=slug).annotate(judged=Count("judgements"))
    filled = Slot.objects.filter(task__project__slug=slug, state=Slot.State.FILLED).count()
    if filled != judged.count():
        raise SystemExit(f"{filled} slots are filled by {judged.count()} judgements.")
    return {
        "stored": judged.count(),
        "done_twice": judged.values("task", "annotator").annotate(n=Count("pk")).filter(n__gt=1).count(),
        "over_filled": more.filter(judged__gt=F("overlap")).count(),
    }


def queries(slug: str) -> dict[str, list[str]]:
    """Of a next that is asked for by itself and of a submit that brings the next, when all that is made once has been
    made."""
    client = Client(SERVER_NAME="127.0.0.1", enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="bench000"), backend=settings.AUTHENTICATION_BACKENDS[0])
    found = {}
    for act, keeps in (("next", False), ("submit", True)):
        desk = FlywheelDesk(InProcess(client), slug, keeps=keeps)
        desk.arrive()
        for _ in range(3):
            desk.next()
            desk.submit()
        found[act] = captured(getattr(desk, act))
    return found


def captured(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as context:
        act()
    return [query["sql"] for query in context.captured_queries if not query["sql"].upper().startswith(FRAME)]


class InProcess:
    """The desk's connection without a server between, so that its statements can be listened to."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        kind = headers.pop("Content_Type", "application/octet-stream")
        response = self.client.generic(method, path, body, kind, headers=headers)
        if response.status_code >= 400:
            raise Refused(f"{method} {path}: {response.status_code} {response.content[:300]!r}")
        return Answer(response.status_code, response.content, response.headers)

    def close(self) -> None:
        self.client.logout()


def batches(rows: Iterator[Item]) -> Iterator[list[Item]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


ACTIONS: dict[str, Callable[..., Any]] = {
    "people": people,
    "project": project,
    "check": check,
    "queries": queries,
}


def main() -> None:
    json.dump(ACTIONS[sys.argv[1]](*sys.argv[2:]), sys.stdout)

"""A crowd of annotators at the API of a real server: they are impatient, go away, come back, and send again whatever
got no answer."""

import random
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from rest_framework.authtoken.models import Token

from annotation.models import Project, Slot

MOST_TRIES = 40  # more than there are kills: each of them costs a request one try at most
TIMEOUT = 300


@dataclass
class Tally:
    """What the servers answered, and each judgement that they acknowledged, by its submission key."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    acknowledged: dict[str, list[list[int]]] = field(default_factory=dict)
    in_letters: dict[str, str] = field(default_factory=dict)  # the same of those at the page, in the order shown
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, status: int) -> None:
        with self.lock:
            self.statuses[what, status] += 1

    def of(self, what: str) -> set[int]:
        return {status for name, status in self.statuses if name == what}


@dataclass
class Person:
    address: str
    project: Project
    user: User
    tally: Tally
    chance: random.Random

    def __post_init__(self) -> None:
        token = Token.objects.create(user=self.user)
        self.client = httpx.Client(
            base_url=f"{self.address}/api/v1/",
            headers={"Authorization": f"Token {token.key}"},
            timeout=TIMEOUT,
            trust_env=False,
            verify=False,  # noqa: S501  # plain HTTP: loading certificates would be most of the work
        )

    def sent(self, what: str, method: str, path: str, **content: Any) -> httpx.Response:
        """Until there is an answer, as a browser's user would."""
        for _ in range(MOST_TRIES):
            try:
                answer = self.client.request(method, path, **content)
            except httpx.TransportError:
                with self.tally.lock:
                    self.tally.unanswered += 1
                continue
            self.tally.add(what, answer.status_code)
            return answer
        raise RuntimeError(f"{path} got no answer {MOST_TRIES} times.")

    def post(self, what: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return self.sent(what, "POST", path, json=body or {})

    def claim(self) -> dict[str, Any] | None:
        answer = self.post("claim", f"projects/{self.project.slug}/tasks/next/")
        return dict(answer.json()) if answer.status_code == 200 else None

    def work(self) -> None:
        """Until nothing waits for them."""
        while task := self.claim():
            self.judge(task)

    def judge(self, task: dict[str, Any]) -> None:
        positions = [response["position"] for response in task["responses"]]
        self.chance.shuffle(positions)
        path = f"slots/{task['token']}/judgement/"
        body = {"submission_key": task["submission_key"], "ranking": [[position] for position in positions]}
        if self.chance.random() < 0.15:
            run_out(Slot.objects.filter(submission_key=task["submission_key"]))
            if self.chance.random() < 0.3:
                return  # away; whoever claims next gets it, and that may be the same person
        times = 3 if self.chance.random() < 0.2 else 1
        with ThreadPoolExecutor(max_workers=times) as impatient:
            list(impatient.map(lambda _: self.submit(path, body), range(times)))
        if self.chance.random() < 0.1:
            self.post("second opinion", path, {**body, "submission_key": str(uuid.uuid4())})

    def submit(self, path: str, body: dict[str, Any]) -> None:
        if self.post("submit", path, body).status_code == 201:
            with self.tally.lock:
                self.tally.acknowledged[body["submission_key"]] = body["ranking"]


def run_out(slots: Any) -> None:
    """The leases are over, whatever their holders think."""
    try:
        slots.filter(state=Slot.State.LEASED).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    finally:
        connections.close_all()

"""Invariant 1 through the real HTTP stack: many people, few tasks, double submits, leases that run out."""

import random
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.db.models import Count
from django.test import Client
from django.utils import timezone

from annotation.actions import tasks
from annotation.models import Comparison, Judgement, Project, Slot, Task
from tests.factories import MembershipFactory, PolicyFactory, PromptFactory, ResponseFactory, UserFactory

THREADS = 32
TASKS = 200
OVERLAP = 3

pytestmark = [pytest.mark.stress, pytest.mark.django_db(transaction=True)]


@dataclass
class Tally:
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, status: int) -> None:
        with self.lock:
            self.statuses[what, status] += 1


@dataclass
class Person:
    """One annotator at a browser; every request gives its database connection back, as in production."""

    project: Project
    user: User
    tally: Tally
    chance: random.Random
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    def sign_in(self) -> None:
        client = Client()
        client.force_login(self.user)
        self.cookies = client.cookies
        connections.close_all()

    def post(self, what: str, url: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        client = Client()
        client.cookies = self.cookies
        try:
            answer = client.post(url, body or {}, content_type="application/json")
        finally:
            connections.close_all()
        self.tally.add(what, answer.status_code)
        return answer.status_code, answer.json() if answer.content else None

    def work(self) -> None:
        """Until the queue is empty for them."""
        self.sign_in()
        while True:
            status, task = self.post("claim", f"/api/v1/projects/{self.project.slug}/tasks/next/")
            if status != 200:
                return
            self.judge(task)

    def judge(self, task: dict[str, Any]) -> None:
        positions = [response["position"] for response in task["responses"]]
        self.chance.shuffle(positions)
        url = f"/api/v1/slots/{task['id']}/judgement/"
        body = {"submission_key": task["submission_key"], "ranking": [[position] for position in positions]}
        if self.chance.random() < 0.15:
            run_out(Slot.objects.filter(pk=task["id"], submission_key=task["submission_key"]))
            if self.chance.random() < 0.5:
                return  # away; else back just in time, or just too late
        times = 3 if self.chance.random() < 0.2 else 1
        with ThreadPoolExecutor(max_workers=times) as impatient:
            list(impatient.map(lambda _: self.post("submit", url, body), range(times)))
        if self.chance.random() < 0.1:
            self.post("second opinion", url, {**body, "submission_key": str(uuid.uuid4())})


def run_out(slots: Any) -> None:
    slots.filter(state=Slot.State.LEASED).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    connections.close_all()


def project_with_tasks() -> Project:
    policy = PolicyFactory()
    prompt = PromptFactory()
    project: Project = prompt.project
    for _ in range(TASKS - 1):
        ResponseFactory.create_batch(3, prompt=prompt, policy=policy)
        prompt = PromptFactory(project=project)
    ResponseFactory.create_batch(3, prompt=prompt, policy=policy)
    assert tasks.create_for_prompts(project, responses=3, overlap=OVERLAP).made == TASKS
    return project


def test_32_people_fill_every_slot_exactly_once() -> None:
    project, tally = project_with_tasks(), Tally()
    people = [
        Person(project=project, user=UserFactory(), tally=tally, chance=random.Random(seed))
        for seed in range(THREADS)
    ]
    for person in people:
        MembershipFactory(project=project, user=person.user)

    with ThreadPoolExecutor(max_workers=THREADS) as crowd:
        list(crowd.map(Person.work, people))
    # Who went away and never came back holds leases that ran out: whoever is asked next finishes them.
    for person in people:
        run_out(Slot.objects.filter(task__project=project))
        person.chance = random.Random(1)
        person.work()

    print(connection.vendor, dict(sorted(tally.statuses.items())))
    slots = Slot.objects.filter(task__project=project)
    judgements = Judgement.objects.filter(task__project=project)
    assert {status for what, status in tally.statuses if what == "claim"} == {200, 204}
    assert {status for what, status in tally.statuses if what == "submit"} <= {201, 409}
    assert {status for what, status in tally.statuses if what == "second opinion"} <= {409}
    assert slots.filter(state=Slot.State.FILLED).count() == slots.count() == TASKS * OVERLAP
    assert judgements.count() == judgements.values("slot").distinct().count() == TASKS * OVERLAP
    assert not judgements.values("task", "annotator").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert Comparison.objects.filter(judgement__task__project=project).count() == TASKS * OVERLAP * 3
    assert set(Task.objects.filter(project=project).values_list("state", "filled")) == {("done", OVERLAP)}


def test_a_person_with_many_tabs_holds_one_lease() -> None:
    project, tally = project_with_tasks(), Tally()
    person = Person(project=project, user=UserFactory(), tally=tally, chance=random.Random(0))
    MembershipFactory(project=project, user=person.user)
    person.sign_in()
    url = f"/api/v1/projects/{project.slug}/tasks/next/"

    with ThreadPoolExecutor(max_workers=8) as tabs:
        answers = list(tabs.map(lambda _: person.post("claim", url), range(24)))

    assert {status for status, _ in answers} == {200}
    assert len({task["submission_key"] for _, task in answers}) == 1
    assert Slot.objects.filter(state=Slot.State.LEASED).count() == 1

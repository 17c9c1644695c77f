"""Invariant 1 through the server as it is shipped: many people, few tasks, double submits, leases that run out, and
workers that are killed under them."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psutil
import pytest
from django.db import connection
from django.db.models import Count, F, Q

from annotation.actions import tasks
from annotation.models import Comparison, Draft, Judgement, Project, Slot, Task
from tests.annotation.stress.pages import PersonAtThePage, in_letters
from tests.annotation.stress.people import Person, Tally, run_out
from tests.annotation.stress.site import Killer, served
from tests.factories import MembershipFactory, PolicyFactory, PromptFactory, ResponseFactory, UserFactory

PEOPLE = 64
TASKS = 80
OVERLAP = 2
KILLS = 8

pytestmark = [pytest.mark.stress, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def site(transactional_db: None) -> Iterator[tuple[str, psutil.Process]]:
    with served() as found:
        yield found


@pytest.fixture
def project(transactional_db: None) -> Project:
    policy, prompt = PolicyFactory(), PromptFactory()
    made: Project = prompt.project
    Project.objects.filter(pk=made.pk).update(gold_rate=0.05, repeat_rate=0.1)
    for _ in range(TASKS - 1):
        ResponseFactory.create_batch(2, prompt=prompt, policy=policy)
        prompt = PromptFactory(project=made)
    ResponseFactory.create_batch(2, prompt=prompt, policy=policy)
    assert tasks.create_for_prompts(made, responses=2, overlap=OVERLAP).made == TASKS
    for _ in range(2):
        known = PromptFactory(project=made)
        answers = ResponseFactory.create_batch(2, prompt=known, policy=policy)
        tasks.create(made, prompt=known, responses=answers, overlap=1, purpose="gold", known={"ranking": [[0], [1]]})
    return made


@contextmanager
def people(address: str, project: Project, tally: Tally, n: int) -> Iterator[list[Person]]:
    with ExitStack() as clients:
        found = []
        for seed in range(n):
            user = UserFactory()
            MembershipFactory(project=project, user=user)
            kind = Person if seed % 2 == 0 else PersonAtThePage
            found.append(kind(address, project, user, tally, random.Random(seed)))
            clients.enter_context(found[-1].client)
        yield found


def test_64_people_fill_every_slot_exactly_once_while_workers_die(project, site):
    address, master = site
    tally = Tally()
    killer = Killer(master, most=KILLS, pause=0.7)
    labels = Slot.objects.filter(task__project=project, task__purpose=Task.Purpose.LABEL)

    with people(address, project, tally, PEOPLE) as crowd:
        killer.start()
        with ThreadPoolExecutor(max_workers=PEOPLE) as pool:
            list(pool.map(lambda person: person.work(), crowd))
        killed = killer.stop()
        # Who went away and never came back holds leases that ran out: whoever is asked next finishes them.
        for person in crowd:
            if labels.exclude(state=Slot.State.FILLED).exists():
                run_out(Slot.objects.filter(task__project=project))
                person.work()

    print(connection.vendor, f"{killed} workers killed, {tally.unanswered} requests unanswered", tally.statuses)
    every_one = Judgement.objects.filter(task__project=project)
    judgements = every_one.current()
    said = {str(judgement.submission_key): judgement for judgement in every_one}
    assert killed > 0
    assert tally.of("claim") == {200, 204}
    assert tally.of("submit") <= {201, 404, 409}
    assert tally.of("second opinion") <= {404, 409}
    # Nothing that was acknowledged is lost, and all of it is what was sent.
    assert {key: said[key].ranking for key in tally.acknowledged} == tally.acknowledged
    assert {key: in_letters(said[key]) for key in tally.in_letters} == tally.in_letters
    assert tally.of("submission") <= {200, 404, 409}
    assert tally.of("revision") <= {200, 409}
    assert {status for _, status in tally.statuses} <= {200, 201, 204, 404, 409}
    assert not Draft.objects.filter(task__slots__annotator=F("annotator"), task__slots__state="filled", revises=None)
    # Every slot is filled, once.
    assert labels.filter(state=Slot.State.FILLED).count() == labels.count() == TASKS * OVERLAP
    filled = Slot.objects.filter(task__project=project, state=Slot.State.FILLED).count()
    assert judgements.count() == judgements.values("slot").distinct().count() == filled
    assert not judgements.values("task", "annotator").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert Comparison.objects.filter(judgement__in=judgements).count() == filled
    assert Comparison.objects.filter(judgement__task__project=project).count() == every_one.count()
    # And the tasks know it.
    every = Task.objects.filter(project=project)
    assert set(every.filter(purpose="label").values_list("state", "filled")) == {("done", OVERLAP)}
    counted = every.annotate(n=Count("slots", filter=Q(slots__state="filled")))
    assert not counted.exclude(n=F("filled")).exists()


def test_a_person_with_many_tabs_holds_one_lease(project, site):
    address, _ = site
    tally = Tally()

    with people(address, project, tally, 1) as (person,), ThreadPoolExecutor(max_workers=8) as tabs:
        answers = list(tabs.map(lambda _: person.claim(), range(24)))

    assert tally.of("claim") == {200}
    assert len({task["submission_key"] for task in answers if task}) == 1
    assert Slot.objects.filter(state=Slot.State.LEASED).count() == 1

"""The benchmark's client still speaks the desk's language: what it says it stored is what is stored."""

import pytest
from django.conf import settings
from django.test import Client

from annotation.models import Judgement, Slot
from tests.bench.connections import Connection
from tests.bench.crowd import median_of, percentiles, run
from tests.bench.desks import FlywheelDesk
from tests.bench.machine import Meter
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, UserFactory

TASKS = 9
PEOPLE = 2


@pytest.fixture
def desks(live_server):  # type: ignore[no-untyped-def]
    project = ProjectFactory()
    for _ in range(TASKS):
        TaskFactory(project=project, size=2)
    found = []
    for _ in range(PEOPLE):
        user, client = UserFactory(), Client()
        MembershipFactory(project=project, user=user)
        client.force_login(user)
        connection = Connection(live_server.url)
        connection.cookies["sessionid"] = client.cookies[settings.SESSION_COOKIE_NAME].value
        found.append(FlywheelDesk(connection, project.slug))
    return found


@pytest.mark.django_db(transaction=True)
def test_two_annotators_empty_the_queue_and_every_pair_is_a_judgement(desks):
    found = run(desks, pairs=10 * TASKS, seconds=60, meter=Meter(server=[]))
    judged = Judgement.objects.filter(slot__state=Slot.State.FILLED)
    assert found["errors"] == {}, found["error_sample"]
    assert found["pairs"] == TASKS == judged.values("task").distinct().count()
    assert {tuple(map(tuple, judgement.ranking)) for judgement in judged} <= {((0,), (1,)), ((1,), (0,))}


def test_percentiles_lie_between_the_two_nearest_ranks():
    assert percentiles([0.004, 0.001, 0.002, 0.003]) == {"p50": 2.5, "p95": 3.9, "p99": 4.0}
    assert percentiles([]) == {}


def test_the_median_of_repeats_adds_up_what_must_be_zero():
    one = {"pairs_a_second": 10.0, "next": {"p50": 1.0}, "over_filled": 0, "errors": {"next: Refused": 1}}
    runs = [
        one,
        {**one, "pairs_a_second": 30.0, "over_filled": 2},
        {**one, "pairs_a_second": 20.0, "next": {"p50": 3.0}},
    ]
    found = median_of(runs)
    assert found["pairs_a_second"] == 20.0
    assert found["next"] == {"p50": 1.0}
    assert found["over_filled"] == 2
    assert found["errors"] == {"next: Refused": 3}

"""The benchmark's client still speaks the desk's language: what it says it stored is what is stored."""

import pytest
from django.conf import settings
from django.test import Client

from annotation.models import Judgement, Slot
from tests.bench.bench_desk import asked_times
from tests.bench.connections import Answer, Connection
from tests.bench.crowd import median_of, percentiles, run
from tests.bench.desks import FlywheelDesk
from tests.bench.machine import Meter
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, UserFactory

TASKS = 9
PEOPLE = 2


class Heard(Connection):
    """A connection that remembers the methods of what was sent."""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        self.methods = [*getattr(self, "methods", []), method]
        return super().ask(method, path, body, **headers)


@pytest.fixture
def project(live_server):  # type: ignore[no-untyped-def]
    project = ProjectFactory()
    for _ in range(TASKS):
        TaskFactory(project=project, size=2)
    return project


@pytest.fixture
def arrival(live_server, project):  # type: ignore[no-untyped-def]
    """Another annotator, by a connection of their own."""

    def arrive(*, keeps: bool = True) -> FlywheelDesk:
        user, client = UserFactory(), Client()
        MembershipFactory(project=project, user=user)
        client.force_login(user)
        connection = Heard(live_server.url)
        connection.cookies["sessionid"] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return FlywheelDesk(connection, project.slug, keeps=keeps)

    return arrive


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keeps", [True, False])
def test_two_annotators_empty_the_queue_and_every_pair_is_a_judgement(arrival, keeps):
    desks = [arrival(keeps=keeps) for _ in range(PEOPLE)]
    found = run(desks, pairs=10 * TASKS, seconds=60, meter=Meter(server=[]))
    judged = Judgement.objects.filter(slot__state=Slot.State.FILLED)
    assert found["errors"] == {}, found["error_sample"]
    assert found["pairs"] == TASKS == judged.values("task").distinct().count()
    assert {tuple(map(tuple, judgement.ranking)) for judgement in judged} <= {((0,), (1,)), ((1,), (0,))}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("keeps", "sent"), [(True, ["GET", "GET", *["POST"] * 3]), (False, ["GET", *["GET", "POST"] * 3])]
)
def test_a_next_task_is_asked_for_and_timed_only_where_none_lies_ready(arrival, keeps, sent):
    desk = arrival(keeps=keeps)
    found = run([desk], pairs=3, seconds=60, meter=Meter(server=[]))
    assert desk.connection.methods == sent
    assert (found["pairs"], found["asked"], bool(found["next"])) == (3, 0 if keeps else 3, not keeps)


def test_the_table_says_of_how_many_requests_its_times_are():
    row = {"pairs": 9, "asked": 9, "next": {"p50": 4.0, "p95": 5.0, "p99": 6.0}}
    assert asked_times(row) == "4 / 5 / 6"
    assert asked_times({**row, "asked": 2}) == "4 / 5 / 6 (n = 2)"
    assert asked_times({**row, "asked": 0, "next": {}}) == "–"


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

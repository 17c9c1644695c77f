"""How people work, for reviewers only: pace, known answers, repeats, qualification."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.actions import reviews
from annotation.models import AuditEvent, Project, Seat, Skip, Task
from annotation.stats.intervals import Cluster, clustered_wilson, wilson
from annotation.views.review.people import pace_of, people_of
from tests.annotation.review_rows import said
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo support")


@pytest.fixture
def reviewer(project) -> User:
    return MembershipFactory(project=project, role="reviewer").user


@pytest.fixture
def client(reviewer) -> Client:
    client = Client()
    client.force_login(reviewer)
    return client


def person(project: Project, name: str):  # type: ignore[no-untyped-def]
    _, people = people_of(project, usual=pace_of(project), page=None)
    return next(person for person in people if person.name == name)


def known_task(project: Project, *, purpose: str = "gold") -> Task:
    return TaskFactory(project=project, purpose=purpose, known={"ranking": [[0], [1, 2]], "explanation": "A."})


def test_pace_is_a_median_with_its_n_and_a_share_of_fast_ones(project):
    slow, quick = AnnotatorFactory(), AnnotatorFactory()
    for seconds in [50.0] * 20:
        said(TaskFactory(project=project), [[0], [1], [2]], by=slow, seconds=seconds)
    for seconds in (2.0, 3.0, 60.0, 61.0, 62.0):
        said(TaskFactory(project=project), [[0], [1], [2]], by=quick, seconds=seconds)
    found = person(project, quick.name)
    assert (found.judgements, found.pace.median, found.pace.n) == (5, 60, 5)
    assert (found.fast.right, found.fast.n, found.fast.interval) == (2, 5, wilson(2, 5))
    assert person(project, slow.name).fast.right == 0


def test_known_pairs_count_what_was_said_first(project):
    annotator = AnnotatorFactory()
    for ranking in [[[0], [1], [2]]] * 3 + [[[1], [0], [2]], [[2], [1], [0]]]:
        said(known_task(project), ranking, by=annotator)
    task = known_task(project, purpose="qualification")
    better = said(task, [[0], [1], [2]], by=annotator, revision=1)
    said(task, [[1], [2], [0]], by=annotator, revised_by=better)
    found = person(project, annotator.name).known
    # Two known pairs a task, A before B and A before C: 2, 2, 2, 1, 0 and first 0.
    assert (found.right, found.n, found.tasks) == (7, 12, 6)
    assert found.interval == clustered_wilson([Cluster(right, 2) for right in (0, 0, 1, 2, 2, 2)])


def test_repeats_are_compared_with_what_the_same_person_said_before(project):
    annotator = AnnotatorFactory()
    first = TaskFactory(project=project)
    said(first, [[2], [1], [0]])
    said(first, [[0], [1], [2]], by=annotator)
    again = TaskFactory(project=project, purpose="repeat", repeats=first, prompt=first.prompt)
    said(again, [[0, 1], [2]], by=annotator)
    found = person(project, annotator.name).repeats
    assert (found.right, found.n, found.tasks, found.interval) == (2.5, 3, 1, None)


def test_too_little_to_say_a_share_says_so(client, project):
    annotator = AnnotatorFactory()
    said(known_task(project), [[0], [1], [2]], by=annotator)
    html = client.get("/projects/lumo/review/people/").content.decode()
    assert "2 of 2" in html
    assert "not enough: 1 task" in html
    assert "That is too little to call anybody fast." in html


def test_skips_are_counted_and_simulated_annotators_left_out(client, project):
    annotator = AnnotatorFactory()
    said(TaskFactory(project=project), [[0], [1], [2]], by=annotator)
    Skip.objects.create(task=TaskFactory(project=project), annotator=annotator)
    Skip.objects.create(task=TaskFactory(project=project), annotator=annotator, reason=reviews.READ)
    simulated = said(
        TaskFactory(project=project), [[0], [1], [2]], by=AnnotatorFactory(user=None), source="simulated"
    )
    assert person(project, annotator.name).skips == 1
    html = client.get("/projects/lumo/review/people/").content.decode()
    assert "1 person works here" in html
    assert simulated.annotator.name not in html


def test_many_people_take_no_more_queries_than_one(client, project, django_assert_num_queries):
    def work() -> None:
        annotator = AnnotatorFactory()
        Seat.objects.create(project=project, annotator=annotator)
        said(known_task(project), [[0], [1], [2]], by=annotator, seconds=9)
        first = TaskFactory(project=project)
        said(first, [[0], [1], [2]], by=annotator)
        said(TaskFactory(project=project, repeats=first, purpose="repeat"), [[0], [1], [2]], by=annotator)

    work()
    with CaptureQueriesContext(connection) as one:
        client.get("/projects/lumo/review/people/")
    for _ in range(55):
        work()
    with django_assert_num_queries(len(one)):
        html = client.get("/projects/lumo/review/people/").content.decode()
    assert "56 people work here" in html
    assert "Page 1 of 2" in html


def test_a_reviewer_lets_somebody_in_who_did_not_qualify(client, project, reviewer):
    known_task(project, purpose="qualification")
    annotator = AnnotatorFactory()
    seat = Seat.objects.create(project=project, annotator=annotator, qualification="failed")
    assert "not passed" in client.get("/projects/lumo/review/people/").content.decode()
    answer = client.post(f"/projects/lumo/review/people/{annotator.name}/waive/", follow=True)
    assert f"{annotator.name} gets real tasks from now on." in answer.content.decode()
    seat.refresh_from_db()
    assert seat.qualification == "waived"
    assert AuditEvent.objects.get(verb="qualification waived").by == reviewer


def test_nobody_is_let_in_by_an_annotator_or_without_a_place(client, project):
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    seat = Seat.objects.create(project=project, annotator=annotator, qualification="failed")
    theirs = Client()
    theirs.force_login(annotator.user)
    assert theirs.post(f"/projects/lumo/review/people/{annotator.name}/waive/").status_code == 403
    seat.refresh_from_db()
    assert seat.qualification == "failed"
    assert client.post("/projects/lumo/review/people/nobody/waive/").status_code == 404
    assert client.post(f"/projects/lumo/review/people/{AnnotatorFactory().name}/waive/").status_code == 404

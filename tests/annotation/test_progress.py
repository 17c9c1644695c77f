import pytest
from django.test import Client
from django.utils import timezone

from annotation.actions import judgements, leases, seats
from annotation.models import Project, Slot, Task
from annotation.views import progress
from annotation.views.progress import progress_in
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def someone(project):
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator


def fill(slot):
    Slot.objects.filter(pk=slot.pk).update(state=Slot.State.FILLED, lease_expires_at=None, filled_at=timezone.now())


def test_counts_what_is_in_hand_with_what_waits(project, someone):
    TaskFactory.create_batch(3, project=project)
    before = progress_in([project], annotator=someone)[project.pk]
    slot = leases.claim(project, by=someone)
    leases.claim(project, by=someone, ahead_of=slot)

    assert (before.waiting, before.done) == (3, 0)
    assert progress_in([project], annotator=someone)[project.pk] == before

    fill(slot)
    after = progress_in([project], annotator=someone)[project.pk]
    assert (after.waiting, after.done, after.done_today, after.more) == (2, 1, 1, False)


def test_counts_no_further_than_it_must(project, someone):
    TaskFactory.create_batch(3, project=project)
    task = Task.objects.first()
    more = [Task(project=project, prompt=task.prompt, key=f"more {n}") for n in range(progress.MOST_COUNTED)]
    Slot.objects.bulk_create([Slot(task=made, number=1) for made in Task.objects.bulk_create(more)])

    found = progress_in([project], annotator=someone)[project.pk]

    assert (found.waiting, found.more) == (200, True)


def test_goes_in_tens_where_a_hidden_task_could_be_told_by_the_number(project, someone):
    Project.objects.update(repeat_rate=0.1)
    project.refresh_from_db()
    TaskFactory.create_batch(3, project=project)
    slot = leases.claim(project, by=someone)
    assert progress_in([project], annotator=someone)[project.pk].waiting == 10

    fill(slot)
    assert progress_in([project], annotator=someone)[project.pk].waiting == 10


def test_the_qualification_set_waits_like_all_others_so_that_the_number_falls_with_each(project, someone):
    TaskFactory.create_batch(2, project=project)
    known = {"ranking": [[0], [1], [2]], "explanation": ""}
    TaskFactory.create_batch(2, project=project, purpose=Task.Purpose.QUALIFICATION, known=known, overlap=0)
    assert progress_in([project], annotator=someone)[project.pk].waiting == 4

    seen = []
    while slot := leases.claim(project, by=someone):
        seen.append((slot.task.purpose, progress_in([project], annotator=someone)[project.pk].waiting))
        judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=known["ranking"])

    assert seen == [("qualification", 4), ("qualification", 3), ("label", 2), ("label", 1)]


def test_the_qualification_set_waits_for_nobody_who_is_at_work_or_was_let_in(project, someone):
    let_in = AnnotatorFactory()
    seats.waive(project, annotator=let_in, by=None)
    TaskFactory.create_batch(2, project=project, overlap=2)
    fill(leases.claim(project, by=someone))
    TaskFactory(project=project, purpose=Task.Purpose.QUALIFICATION, known={"ranking": [[0], [1]]}, overlap=0)

    assert progress_in([project], annotator=someone)[project.pk].waiting == 1
    assert progress_in([project], annotator=let_in)[project.pk].waiting == 2


def test_nothing_waits_in_a_project_that_stands_still(project, someone):
    TaskFactory(project=project)
    Project.objects.update(state=Project.State.PAUSED)
    project.refresh_from_db()

    assert progress_in([project], annotator=someone)[project.pk].waiting == 0


def test_many_projects_take_one_query(someone, django_assert_num_queries):
    projects = ProjectFactory.create_batch(5)
    for project in projects:
        TaskFactory(project=project)

    with django_assert_num_queries(1):
        found = progress_in(projects, annotator=someone)

    assert [item.waiting for item in found.values()] == [1] * 5


def shown_by(project, someone) -> list[str]:
    """What the list of projects and the desk say of what waits."""
    client = Client()
    client.force_login(someone.user)
    pages = (client.get(path).content.decode() for path in ("/", f"/projects/{project.slug}/desk/"))
    return [" ".join(page.split()) for page in pages]


def test_a_rounded_number_is_said_to_be_one(project, someone):
    Project.objects.update(gold_rate=0.1)
    TaskFactory.create_batch(2, project=project)
    listed, desk = shown_by(project, someone)
    assert "A few wait for you" in listed
    assert "a few wait" in desk

    TaskFactory.create_batch(9, project=project)
    listed, desk = shown_by(project, someone)
    assert "About <strong>20</strong> wait for you" in listed
    assert "about <strong>20</strong> wait" in desk


def test_only_where_answers_are_ranked_the_way_in_says_so(project, someone):
    TaskFactory(project=project)
    assert ">Rank<" in shown_by(project, someone)[0]
    Project.objects.update(responses_per_task=1)
    listed = shown_by(project, someone)[0]
    assert ">Rank<" not in listed
    assert ">Open the desk<" in listed

"""Where the first people leave it open, one more is asked, until it is sure or the most have been."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from annotation.actions import adaptive, exclusions, judgements, leases, pauses
from annotation.models import (
    Annotator,
    Audience,
    AuditEvent,
    Exclusion,
    Judgement,
    Measurement,
    Membership,
    Project,
    Seat,
    Slot,
    Task,
    TaskMeasure,
)
from tests.annotation.released import judged
from tests.factories import ProjectFactory, TaskFactory, member_of

pytestmark = pytest.mark.django_db
RANKING = [[0], [1], [2]]


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", overlap=1, most_overlap=3, sureness=0.9)


@pytest.fixture
def people(project) -> list[Annotator]:
    return [member_of(project) for _ in range(4)]


def judge(project: Project, by: Annotator) -> Judgement:
    slot = leases.claim(project, by=by)
    return judgements.submit(slot.pk, by=by, submission_key=slot.submission_key, ranking=RANKING)


def measured(project: Project, *, sureness: float = 0.7, voices: str = "people") -> Measurement:
    """As the keeper leaves it: figures that know all that was said until now."""
    before = timezone.now() - timedelta(minutes=1)
    Slot.objects.filter(filled_at__isnull=False).update(filled_at=before)
    Exclusion.objects.update(created_at=before)
    found, _ = Measurement.objects.update_or_create(
        project=project, voices=voices, defaults={"measured_at": timezone.now(), "seconds": 2}
    )
    found.tasks.all().delete()
    counting = exclusions.counting(Judgement.objects.filter(task__project=project))
    for task in Task.objects.filter(pk__in=counting.values("task")):
        votes = exclusions.counting(task.judgements.all()).count()
        asked = {"votes": votes, "information": 0.5, "sureness": sureness}
        TaskMeasure.objects.create(measurement=found, task=task, **asked)
    return found


def asked(task: Task) -> tuple[str, int, int]:
    task.refresh_from_db()
    return task.state, task.overlap, task.filled


@pytest.fixture
def done(project, people) -> Task:
    task: Task = TaskFactory(project=project)
    judge(project, people[0])
    return task


def test_a_task_that_is_not_sure_asks_one_more(project, people, done):
    measured(project)
    assert adaptive.widen(project) == 1
    assert asked(done) == ("open", 2, 1)
    assert leases.claim(project, by=people[1]).task == done
    event = AuditEvent.objects.get(verb="more people asked")
    assert event.detail == {"tasks": 1, "most": 3, "sureness": 0.9}


def test_one_place_at_a_time_until_the_most_have_been_asked(project, people, done):
    overlaps = []
    for person in people[1:]:
        measured(project)
        if adaptive.widen(project):
            judge(project, person)
        overlaps.append(asked(done)[1])
    assert overlaps == [2, 3, 3]


def test_a_sure_task_stays_done(project, done):
    measured(project, sureness=0.9)
    assert adaptive.widen(project) == 0
    assert asked(done) == ("done", 1, 1)


def test_a_task_that_still_waits_for_votes_is_left_alone(project, people):
    task = TaskFactory(project=project, overlap=2)
    judge(project, people[0])
    measured(project)
    assert adaptive.widen(project) == 0
    assert asked(task) == ("open", 2, 1)


def test_a_vote_since_the_figures_waits_for_the_next_ones(project, people):
    task = TaskFactory(project=project, overlap=2)
    judge(project, people[0])
    measured(project)
    judge(project, people[1])
    assert adaptive.widen(project) == 0
    assert asked(task) == ("done", 2, 2)


def test_an_exclusion_since_the_figures_waits_for_the_next_ones(project, done):
    measured(project)
    exclusions.exclude(project, judgements=Judgement.objects.all(), reason="x", by=None)
    assert adaptive.widen(project) == 0


class TestExcluded:
    def test_votes_are_asked_for_again(self, project, people, done):
        exclusions.exclude(project, judgements=Judgement.objects.all(), reason="x", by=None)
        measured(project)
        assert adaptive.widen(project) == 1
        assert asked(done) == ("open", 2, 1)

    def test_votes_are_made_up_for_once(self, project, people, done):
        exclusions.exclude(project, judgements=Judgement.objects.all(), reason="x", by=None)
        measured(project)
        adaptive.widen(project)
        judge(project, people[1])
        measured(project, sureness=0.95)
        assert adaptive.widen(project) == 0

    def test_votes_leave_a_sure_task_too_few(self, project, people):
        Project.objects.update(overlap=2)
        project.refresh_from_db()
        task = TaskFactory(project=project, overlap=2)
        first = judge(project, people[0])
        judge(project, people[1])
        exclusions.exclude(project, judgements=Judgement.objects.filter(pk=first.pk), reason="x", by=None)
        measured(project, sureness=0.95)
        assert adaptive.widen(project) == 1
        assert asked(task) == ("open", 3, 2)

    def test_votes_are_not_among_the_most(self, project, people, done):
        Project.objects.update(most_overlap=1)
        project.refresh_from_db()
        exclusions.exclude(project, judgements=Judgement.objects.all(), reason="x", by=None)
        measured(project)
        assert adaptive.widen(project) == 1


@pytest.mark.parametrize("changes", [{"most_overlap": None}, {"most_overlap": 1}, {"state": "paused"}])
def test_nothing_happens_where_the_project_does_not_ask_for_it(project, done, changes):
    measured(project)
    Project.objects.update(**changes)
    project.refresh_from_db()
    assert adaptive.widen(project) == 0


def test_nothing_happens_before_the_first_figures(project, done):
    assert adaptive.widen(project) == 0


def test_figures_about_simulated_annotators_ask_no_people(project, done):
    measured(project, voices="simulated")
    assert adaptive.widen(project) == 0


@pytest.mark.parametrize("purpose", ["gold", "repeat", "qualification"])
def test_tasks_that_check_on_people_are_left_alone(project, done, purpose):
    measured(project)
    Task.objects.update(purpose=purpose)
    assert adaptive.widen(project) == 0


def test_what_was_imported_judged_was_never_in_the_queue(project, people):
    judged(project, key="1", ranking=RANKING, task={"state": "done"})
    measured(project)
    assert adaptive.widen(project) == 0


class TestSomebodyIsLeft:
    def test_not_if_all_have_met_it(self, project, people, done):
        Membership.objects.exclude(user=people[0].user).delete()
        measured(project)
        assert adaptive.widen(project) == 0

    def test_not_if_the_others_are_paused_gave_it_back_or_did_not_qualify(self, project, people, done):
        _, paused, skipper, failed = people
        Task.objects.update(overlap=2, state="open")
        Slot.objects.create(task=done, number=2)
        leases.skip(leases.claim(project, by=skipper), by=skipper, reason="no")
        Slot.objects.filter(number=2).delete()
        Task.objects.update(overlap=1, state="done")
        pauses.pause(project, annotator=paused, reason="x", by=None)
        Seat.objects.create(project=project, annotator=failed, qualification="failed")
        measured(project)
        assert adaptive.widen(project) == 0

    def test_not_if_it_is_a_reviewer_who_never_sat_at_the_desk(self, project, people, done):
        Membership.objects.exclude(user=people[0].user).update(role="reviewer")
        measured(project)
        assert adaptive.widen(project) == 0

    @pytest.mark.parametrize(("skills", "widened"), [(["lang:de"], 1), ([], 0)])
    def test_only_among_those_whom_the_task_is_for(self, project, people, done, skills, widened):
        audience = Audience.objects.create(project=project, key="x", skills=["lang:de"])
        Task.objects.update(audience=audience)
        Membership.objects.filter(user=people[1].user).update(skills=skills)
        measured(project)
        assert adaptive.widen(project) == widened


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_make_one_place(project, people):
    tasks = TaskFactory.create_batch(5, project=project)
    for _ in tasks:
        judge(project, people[0])
    measured(project)

    def widen(_: int) -> int:
        try:
            return adaptive.widen(project)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(widen, range(4))) == 5
    assert {asked(task) for task in tasks} == {("open", 2, 1)}

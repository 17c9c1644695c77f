from contextlib import suppress

import pytest

from annotation.actions import judgements, leases, seats, tasks
from annotation.exceptions import GuidelineUnread, NotFound, NotQualified
from annotation.models import Annotator, AuditEvent, Project, Seat, Slot, Task
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def someone(project) -> Annotator:
    annotator: Annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator


def qualification(project: Project, ranking: list[list[int]]) -> Task:
    prompt = PromptFactory(project=project)
    responses = ResponseFactory.create_batch(3, prompt=prompt)
    task, _ = tasks.create(
        project,
        prompt=prompt,
        responses=responses,
        overlap=1,
        purpose=Task.Purpose.QUALIFICATION,
        known={"ranking": ranking, "explanation": "The first one answers."},
    )
    return task


def judge(slot: Slot, by: Annotator, ranking: list[list[int]]) -> None:
    judgements.submit(slot.pk, by=by, submission_key=slot.submission_key, ranking=ranking)


class TestGuidelines:
    def test_come_before_the_first_task_and_again_when_they_change(self, project, someone):
        TaskFactory(project=project)
        first = project.guidelines.create(number=1, text="Be fair.")
        with pytest.raises(GuidelineUnread) as unread:
            leases.claim(project, by=someone)
        assert unread.value.guideline == first

        seats.acknowledge(project, by=someone, number=1)
        slot = leases.claim(project, by=someone)
        assert slot.guideline_version == 1

        project.guidelines.create(number=2, text="Be fairer.")
        with pytest.raises(GuidelineUnread):
            leases.claim(project, by=someone)
        with pytest.raises(GuidelineUnread):
            leases.claim(project, by=someone, ahead_of=slot)
        seats.acknowledge(project, by=someone, number=2)
        again = leases.claim(project, by=someone)
        assert (again, again.guideline_version) == (slot, 2)

    def test_are_confirmed_once_and_never_backwards(self, project, someone):
        for number in (1, 2):
            project.guidelines.create(number=number, text="Be fair.")

        for number in (2, 1, 2):
            seats.acknowledge(project, by=someone, number=number)

        assert Seat.objects.get().guideline_seen == 2
        assert AuditEvent.objects.filter(verb="guidelines confirmed").count() == 1

    def test_that_are_not_there_cannot_be_confirmed(self, project, someone):
        with pytest.raises(NotFound, match="no guidelines number 7"):
            seats.acknowledge(project, by=someone, number=7)

    def test_need_no_confirmation_where_the_project_asks_for_none(self, project, someone):
        Project.objects.update(acknowledgement_asked=False)
        project.refresh_from_db()
        project.guidelines.create(number=1, text="Be fair.")
        TaskFactory(project=project)

        assert leases.claim(project, by=someone).guideline_version == 1

    def test_do_not_stop_a_simulated_annotator(self, project):
        project.guidelines.create(number=1, text="Be fair.")
        TaskFactory(project=project)

        assert leases.claim(project, by=AnnotatorFactory(user=None), among=Task.objects.all())


class TestQualification:
    def test_comes_first_and_whoever_passes_goes_on_to_real_tasks(self, project, someone):
        real = TaskFactory(project=project, priority=9)
        asked = {qualification(project, [[0], [1, 2]]).pk, qualification(project, [[0], [1, 2]]).pk}

        met = set()
        for _ in range(2):
            slot = leases.claim(project, by=someone)
            met.add(slot.task_id)
            judge(slot, someone, [[0], [2], [1]])

        assert met == asked
        assert leases.claim(project, by=someone).task == real
        assert Seat.objects.get().qualification == Seat.Qualification.PASSED
        assert AuditEvent.objects.get(verb="qualification passed").detail["right"] == 4

    def test_each_person_gets_slots_of_their_own(self, project, someone):
        task = qualification(project, [[0], [1, 2]])
        other = AnnotatorFactory()
        MembershipFactory(project=project, user=other.user)

        held = [leases.claim(project, by=annotator) for annotator in (someone, other)]

        assert [slot.task for slot in held] == [task, task]
        task.refresh_from_db()
        assert (task.overlap, task.slots.count()) == (2, 2)

    def test_whoever_fails_is_told_kindly_until_a_reviewer_waives_it(self, project, someone):
        TaskFactory(project=project)
        qualification(project, [[0], [1], [2]])
        judge(leases.claim(project, by=someone), someone, [[0, 1, 2]])

        for _ in range(2):
            with pytest.raises(NotQualified, match=r"^Thank you"):
                leases.claim(project, by=someone)
        assert Seat.objects.get().qualification == Seat.Qualification.FAILED

        reviewer = UserFactory()
        seats.waive(project, annotator=someone, by=reviewer)
        assert leases.claim(project, by=someone).task.purpose == Task.Purpose.LABEL
        assert AuditEvent.objects.get(verb="qualification waived").by == reviewer

    @pytest.mark.parametrize(("ranking", "state"), [([[0], [2], [1]], "passed"), ([[1], [0], [2]], "failed")])
    def test_is_passed_at_the_share_that_the_project_asks_for(self, project, someone, ranking, state):
        Project.objects.update(qualification_pass=1)
        project.refresh_from_db()
        qualification(project, [[0], [1, 2]])
        judge(leases.claim(project, by=someone), someone, ranking)

        with suppress(NotQualified):
            leases.claim(project, by=someone)

        assert Seat.objects.get().qualification == state

    def test_a_task_given_back_counts_as_wrong(self, project, someone):
        qualification(project, [[0], [1], [2]])
        leases.skip(leases.claim(project, by=someone), by=someone, reason="no idea")

        with pytest.raises(NotQualified):
            leases.claim(project, by=someone)

    def test_the_reserve_waits_for_the_result(self, project, someone):
        TaskFactory(project=project)
        qualification(project, [[0], [1, 2]])
        slot = leases.claim(project, by=someone)

        assert leases.claim(project, by=someone, ahead_of=slot) is None
        assert Seat.objects.get().qualification == Seat.Qualification.OPEN

    def test_is_not_asked_of_people_who_were_at_work_before(self, project, someone):
        TaskFactory.create_batch(2, project=project)
        judge(leases.claim(project, by=someone), someone, [[0], [1], [2]])
        qualification(project, [[0], [1], [2]])

        assert leases.claim(project, by=someone).task.purpose == Task.Purpose.LABEL
        assert Seat.objects.get().qualification == Seat.Qualification.WAIVED

    def test_is_asked_of_reviewers_too(self, project):
        reviewer = AnnotatorFactory()
        MembershipFactory(project=project, user=reviewer.user, role="reviewer")
        TaskFactory(project=project)
        task = qualification(project, [[0], [1], [2]])

        assert leases.claim(project, by=reviewer).task == task

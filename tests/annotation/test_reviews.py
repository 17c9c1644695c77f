"""Decisions of reviewers: they stand beside what people said."""

import pytest

from annotation.actions import audiences, leases, members, reviews, seats
from annotation.exceptions import InvalidJudgement, InvalidTask
from annotation.models import Annotator, AuditEvent, Comparison, Judgement, Project, Skip, Slot, Task
from tests.annotation.review_rows import disputed
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, UserFactory, lease, member_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    return disputed(ProjectFactory())


def seated_member(project: Project) -> Annotator:
    annotator = member_of(project)
    seats.of(project, annotator=annotator)
    return annotator


def everything_said() -> list[list[dict[str, object]]]:
    return [list(model.objects.order_by("pk").values()) for model in (Judgement, Comparison)]


def test_a_decision_is_kept_with_its_reason_and_an_audit_row(task):
    reviewer = UserFactory()
    made = reviews.adjudicate(task, by=reviewer, ranking=[[1], [0, 2]], reason=" B answers the question. ")
    assert (made.by, made.ranking, made.reason) == (reviewer, [[1], [0, 2]], "B answers the question.")
    event = AuditEvent.objects.get(verb="task adjudicated")
    assert (event.subject, event.by, event.detail["ranking"]) == (f"task {task.pk}", reviewer, [[1], [0, 2]])


def test_a_decision_changes_no_byte_of_what_people_said(task):
    before = everything_said()
    reviews.adjudicate(task, by=UserFactory(), ranking=[[0], [1], [2]], reason="A is right.")
    assert everything_said() == before


def test_the_newest_decision_counts_and_older_ones_stay(task):
    first = reviews.adjudicate(task, by=UserFactory(), ranking=[[0], [1], [2]], reason="A is right.")
    second = reviews.adjudicate(task, by=UserFactory(), ranking=[[2], [1], [0]], reason="No, C is.")
    assert list(task.adjudications.all()) == [second, first]


def test_the_same_decision_sent_twice_is_one(task):
    reviewer = UserFactory()
    sent = {"by": reviewer, "ranking": [[0], [1], [2]], "reason": "A is right."}
    assert reviews.adjudicate(task, **sent) == reviews.adjudicate(task, **sent)
    assert task.adjudications.count() == 1
    assert AuditEvent.objects.filter(verb="task adjudicated").count() == 1


@pytest.mark.parametrize(
    ("ranking", "reason", "complaint"),
    [
        ([[0], [1]], "Why not.", "response 2 is not placed"),
        ([[0], [1], [2], [3]], "Why not.", "ranking"),
        ([[0], [0], [1, 2]], "Why not.", "stands twice"),
        ("best", "Why not.", "ranking"),
        ([[0], [1], [2]], "  ", "needs its reason"),
        ([[0], [1], [2]], "a\x00b", "U+0000"),
        pytest.param([[0], [1], [2]], "x" * (reviews.MAX_REASON + 1), "shorten it", id="too-long"),
    ],
)
def test_what_decides_nothing_is_refused_with_a_sentence(task, ranking, reason, complaint):
    with pytest.raises(InvalidJudgement, match=complaint.replace("+", r"\+")):
        reviews.adjudicate(task, by=UserFactory(), ranking=ranking, reason=reason)
    assert not task.adjudications.exists()


def test_a_task_with_one_answer_is_decided_by_a_reason_alone():
    task = TaskFactory(size=1)
    assert reviews.adjudicate(task, by=UserFactory(), ranking=[[0]], reason="Seen; nothing harmful.").ranking == [[0]]


def test_authors_stay_hidden_as_long_as_an_answer_is_to_be_ranked_anywhere(task):
    assert not reviews.is_ranked_still(task)
    other = TaskFactory(project=task.project, prompt=task.prompt, size=0)
    other.positions.create(response=task.responses.first(), position=0)
    assert reviews.is_ranked_still(task)


@pytest.mark.parametrize("purpose", ["gold", "repeat", "qualification"])
def test_what_nobody_is_asked_from_the_queue_keeps_no_author_hidden(task, purpose):
    other = TaskFactory(project=task.project, prompt=task.prompt, size=0, purpose=purpose)
    other.positions.create(response=task.responses.first(), position=0)
    assert not reviews.is_ranked_still(task)
    assert not reviews.is_ranked_still(other)


def test_a_decision_can_become_a_known_answer_of_a_gold_task_with_the_same_answers(task):
    before = everything_said()
    reviews.adjudicate(task, by=UserFactory(), ranking=[[1], [0, 2]], reason="B is true.", known=True)
    gold = Task.objects.get(purpose=Task.Purpose.GOLD)
    assert gold.known == {"ranking": [[1], [0, 2]], "explanation": "B is true."}
    assert (gold.project, gold.prompt, gold.slots.count()) == (task.project, task.prompt, 0)
    assert list(gold.positions.values_list("position", "response")) == list(
        task.positions.values_list("position", "response")
    )
    assert everything_said() == before


def test_a_later_decision_changes_the_known_answer_and_says_what_it_was(task):
    reviewer = UserFactory()
    reviews.adjudicate(task, by=reviewer, ranking=[[1], [0, 2]], reason="B is true.", known=True)
    reviews.adjudicate(task, by=reviewer, ranking=[[0], [1, 2]], reason="A is, after all.", known=True)
    gold = Task.objects.get(purpose=Task.Purpose.GOLD)
    assert gold.known == {"ranking": [[0], [1, 2]], "explanation": "A is, after all."}
    assert AuditEvent.objects.get(verb="known answer changed").detail["before"]["explanation"] == "B is true."


def test_a_gold_task_gets_its_own_answer_changed():
    gold = TaskFactory(purpose="gold", known={"ranking": [[0], [1], [2]], "explanation": "Old."})
    reviews.adjudicate(gold, by=UserFactory(), ranking=[[2], [1], [0]], reason="C, really.", known=True)
    assert Task.objects.get().known == {"ranking": [[2], [1], [0]], "explanation": "C, really."}


@pytest.mark.parametrize(("purpose", "ranking"), [("label", [[0, 1, 2]]), ("repeat", [[0], [1], [2]])])
def test_what_makes_no_known_answer_keeps_nothing_at_all(task, purpose, ranking):
    Task.objects.filter(pk=task.pk).update(purpose=purpose)
    task.refresh_from_db()
    with pytest.raises(InvalidTask, match="known answer"):
        reviews.adjudicate(task, by=UserFactory(), ranking=ranking, reason="So.", known=True)
    assert not task.adjudications.exists()
    assert not Task.objects.filter(purpose="gold").exists()


class TestAsked:
    @pytest.fixture
    def project(self) -> Project:
        return ProjectFactory()

    @pytest.fixture
    def reviewer(self, project) -> Annotator:
        return seated_member(project)

    def asked(self, reviewer: Annotator, project: Project) -> set[Task]:
        return set(reviews.asked_of(reviewer.user, project=project))

    def test_is_who_may_still_get_the_task(self, project, reviewer):
        waiting = TaskFactory(project=project)
        gold = TaskFactory(project=project, purpose="gold", known={"ranking": [[0], [1]]}, overlap=0)
        qualification = TaskFactory(
            project=project, purpose="qualification", known={"ranking": [[0], [1]]}, overlap=0
        )
        TaskFactory(project=project, purpose="gold", overlap=0)  # no known answer yet: nobody meets it
        TaskFactory(project=project, purpose="repeat")  # somebody else's
        TaskFactory(project=project, state=Task.State.DONE)
        TaskFactory(project=project, state=Task.State.WITHDRAWN)
        assert self.asked(reviewer, project) == {waiting, gold, qualification}
        seats.waive(project, annotator=reviewer, by=None)
        assert self.asked(reviewer, project) == {waiting, gold}

    def test_is_nobody_who_judged_it_or_gave_it_back(self, project, reviewer):
        judged, skipped = TaskFactory.create_batch(2, project=project)
        Judgement.objects.create(task=judged, annotator=reviewer, uid="1", ranking=[[0], [1], [2]])
        Skip.objects.create(task=skipped, annotator=reviewer)
        assert not self.asked(reviewer, project)

    def test_is_nobody_for_whom_it_is_not_or_who_never_sat_at_the_desk(self, project, reviewer):
        audience = audiences.of(project, groups=["night"])
        task = TaskFactory(project=project, audience=audience)
        assert not self.asked(reviewer, project)
        reviewer.user.memberships.update(groups=["night"])
        assert self.asked(reviewer, project) == {task}
        assert not self.asked(member_of(project), project)

    def test_is_nobody_once_the_project_has_ended(self, project, reviewer):
        TaskFactory(project=project)
        project.state = Project.State.ENDED
        assert not self.asked(reviewer, project)

    def test_is_who_holds_a_repeat_of_it(self, project, reviewer):
        original = TaskFactory(project=project, state=Task.State.DONE)
        Judgement.objects.create(task=original, annotator=reviewer, uid="1", ranking=[[0], [1], [2]])
        again = TaskFactory(project=project, prompt=original.prompt, purpose="repeat", repeats=original)
        lease(again.slots.get(), reviewer)
        assert self.asked(reviewer, project) == {original, again}
        reviews.read_instead(original, by=reviewer.user)
        again.refresh_from_db()
        assert again.state == Task.State.WITHDRAWN
        assert not self.asked(reviewer, project)

    def test_reads_what_was_said_for_the_price_of_a_task_given_back(self, project, reviewer):
        held, waiting = TaskFactory.create_batch(2, project=project)
        slot = leases.claim(project, by=reviewer)
        assert slot.task == held
        for task in (held, waiting, waiting):
            reviews.read_instead(task, by=reviewer.user)
        assert list(Skip.objects.order_by("task").values_list("task", "annotator", "reason")) == [
            (held.pk, reviewer.pk, "read as a reviewer"),
            (waiting.pk, reviewer.pk, "read as a reviewer"),
        ]
        slot.refresh_from_db()
        assert slot.state == Slot.State.OPEN
        assert leases.claim(project, by=reviewer) is None
        events = AuditEvent.objects.filter(verb="task read as a reviewer", by=reviewer.user)
        assert sorted(events.values_list("subject", flat=True)) == sorted(f"task {t.pk}" for t in (held, waiting))


def test_whoever_set_a_known_answer_is_not_asked_for_it(task):
    reviewer = MembershipFactory(project=task.project, role="reviewer").user
    annotator = members.annotator_of(reviewer)
    seats.of(task.project, annotator=annotator)
    reviews.adjudicate(task, by=reviewer, ranking=[[1], [0, 2]], reason="B is true.", known=True)
    assert not reviews.asked_of(reviewer, project=task.project).exists()
    assert reviews.asked_of(seated_member(task.project).user, project=task.project).get().purpose == "gold"

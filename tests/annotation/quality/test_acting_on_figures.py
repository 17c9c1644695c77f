"""What the keeper does with figures once it has made them: asks more people, and tells the admins."""

import pytest
from django.core import mail

from annotation.actions import judgements, leases
from annotation.actions.quality import keeping
from annotation.models import Alert, Project, Task
from tests.annotation.released import judged
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory, UserFactory, member_of

pytestmark = pytest.mark.django_db


def look(project: Project) -> list[str]:
    said: list[str] = []
    keeping.looked(project, tell=said.append, patient=False)
    return said


def test_two_who_disagree_are_followed_by_a_third():
    project = ProjectFactory(slug="lumo", overlap=2, most_overlap=3)
    task = TaskFactory(project=project, overlap=2, size=2)
    for ranking in ([[0], [1]], [[1], [0]]):
        someone = member_of(project)
        slot = leases.claim(project, by=someone)
        judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=ranking)
    member_of(project)

    said = look(project)

    task.refresh_from_db()
    assert (task.state, task.overlap) == (Task.State.OPEN, 3)
    assert "lumo: one more person is asked about 1 task" in said


def test_agreement_that_falls_is_told_to_the_admins():
    project = ProjectFactory(slug="lumo", alert_agreement=0.9)
    MembershipFactory(project=project, role="admin", user=UserFactory(email="a@example.org"))
    for key in range(40):
        task = judged(project, key=str(key), ranking=[[0], [1]], texts=("one", "two"), annotators=("ann",))
        judged_again = [[0], [1]] if key % 2 else [[1], [0]]
        task.judgements.create(annotator=member_of(project), uid=f"{key:x}", ranking=judged_again)

    said = [look(project), look(project)]

    assert Alert.objects.get().mailed_at
    assert [message.to for message in mail.outbox] == [["a@example.org"]]
    assert said[0][-1] == "told of 1 alert"
    assert "told of 1 alert" not in said[1]

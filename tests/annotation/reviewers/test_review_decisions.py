"""What a reviewer decides, from the page of a task."""

import pytest
from django.test import Client

from annotation.models import Adjudication, Project, Task
from tests.annotation.review_rows import disputed
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db


def test_a_decision_is_shown_and_leads_back_to_the_place_in_the_list(client, project, reviewer):
    task = disputed(project)
    sent = {"rank_A": 2, "rank_B": 1, "rank_C": 2, "reason": "B is right.", "from": "show=all&page=2&next=//evil"}
    answer = client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", sent)
    assert answer.url == f"/projects/lumo/review/tasks/{task.pk}/?from=show%3Dall%26page%3D2"
    html = client.get(answer.url).content.decode()
    assert "Your decision is kept." in html
    assert f"Decided by {reviewer.username}" in html
    assert f'href="/projects/lumo/review/?show=all&amp;page=2#task-{task.pk}"' in html
    assert Adjudication.objects.get().ranking == [[1], [0, 2]]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"rank_A": 1, "reason": "So."}, "B and C still need a place."),
        ({"rank_A": 1, "rank_B": 2, "rank_C": 3}, "A decision needs its reason"),
        ({"rank_A": 1, "rank_B": 2, "rank_C": 9, "reason": "So."}, "C has a rank that there is not."),
        ({"rank_A": 1, "rank_B": 2, "rank_C": 3, "reason": "a\x00b"}, "Null characters are not allowed."),
    ],
)
def test_a_decision_that_lacks_something_says_so_and_loses_nothing(client, project, sent, sentence):
    task = disputed(project)
    answer = client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", sent)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in html
    assert 'name="rank_A" value="1" id="id_rank_A_0" checked' in html
    assert not Adjudication.objects.exists()


def test_the_box_makes_a_known_answer_and_is_not_offered_where_it_cannot(client, project):
    task = disputed(project)
    sent = {"rank_A": 2, "rank_B": 1, "rank_C": 2, "reason": "B is right.", "known": "on"}
    client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", sent)
    gold = Task.objects.get(purpose="gold")
    assert "The known answer" in client.get(f"/projects/lumo/review/tasks/{gold.pk}/").content.decode()
    tied = client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", {**sent, "rank_B": 2})
    assert tied.status_code == 400
    assert "A known answer must order something" in tied.content.decode()
    repeat = disputed(project, question="Again?", purpose="repeat")
    assert "Use it as a known answer" not in client.get(f"/projects/lumo/review/tasks/{repeat.pk}/").content.decode()


def test_annotators_decide_nothing(project):
    task = disputed(project)
    client = Client()
    client.force_login(MembershipFactory(project=project).user)
    sent = {"rank_A": 1, "rank_B": 2, "rank_C": 3, "reason": "Mine."}
    assert client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", sent).status_code == 403
    assert not Adjudication.objects.exists()


@pytest.mark.parametrize(("role", "way_there"), [("reviewer", False), ("admin", True)])
def test_that_nobody_meets_a_known_answer_is_said_with_the_decision(project, role, way_there):
    client = Client()
    client.force_login(MembershipFactory(project=project, role=role).user)
    sent = {"rank_A": 2, "rank_B": 1, "rank_C": 2, "reason": "B is right.", "known": "on"}
    said_then = []
    for rate in (0, 0.1):
        Project.objects.update(gold_rate=rate)
        task = disputed(project, question=f"At {rate}?")
        html = client.post(f"/projects/lumo/review/tasks/{task.pk}/decide/", sent, follow=True).content.decode()
        said_then.append("Known answers are shown to nobody while the gold rate is 0." in html)
        assert ('href="/projects/lumo/settings/#id_gold_rate"' in html) == (way_there and not rate)
    assert said_then == [True, False]

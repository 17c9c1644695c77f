"""What waits, and putting more before people."""

import pytest
from django.test import Client

from annotation.actions import audiences
from annotation.forms import queueing
from annotation.models import Annotator, Task
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
)

pytestmark = pytest.mark.django_db

ASKED = {"responses": "2", "overlap": "3", "strategy": "random", "seed": "0"}
PAGE = "/projects/lumo/queue/"


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    return ProjectFactory(slug="lumo")


@pytest.fixture
def admin(project) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(MembershipFactory(project=project, role="admin").user)
    return client


def prompts(project, *sizes: int) -> None:  # type: ignore[no-untyped-def]
    for size in sizes:
        ResponseFactory.create_batch(size, prompt=PromptFactory(project=project))


def test_the_queue_is_counted_by_state_purpose_audience_and_priority(admin, project):
    team = audiences.of(project, groups=["team b"])
    TaskFactory(project=project, overlap=2)
    TaskFactory.create_batch(2, project=project, priority=5, audience=team)
    TaskFactory(project=project, state=Task.State.WITHDRAWN, purpose="gold")
    TaskFactory(project=project, purpose="head_to_head")
    answer = admin.get(PAGE)
    assert "4 tasks wait; they ask for 5 more judgements." in answer.content.decode()
    kinds = [(row["state"], row["purpose"], row["audience"], row["priority"]) for row in answer.context["groups"]]
    assert [row["tasks"] for row in answer.context["groups"]] == [1, 1, 2, 1]
    assert kinds == [
        ("withdrawn", "gold", "", 0),
        ("open", "head_to_head", "", 0),
        ("open", "label", "team b", 5),
        ("open", "label", "", 0),
    ]


@pytest.mark.parametrize("purpose", ["gold", "qualification", "repeat"])
def test_what_is_slipped_in_waits_for_nobody(admin, project, purpose):
    TaskFactory(project=project, purpose=purpose)
    assert "Nothing waits." in admin.get(PAGE).content.decode()


def test_people_are_shown_as_they_were_named_and_never_beside_their_pseudonyms(admin, project):
    prompts(project, 2)
    member = MembershipFactory(project=project, user__username="noor")
    left = AnnotatorFactory(user=None)
    TaskFactory(project=project, audience=audiences.of(project, people=[left.name], skills=["lang:de"]))
    admin.post(PAGE, ASKED | {"people": "noor", "groups": "team b"})
    answer = admin.get(PAGE)
    shown = {row["audience"] for row in answer.context["groups"]}
    assert shown == {"noor, team b", "somebody without an account, lang:de"}
    for name in (member.user.annotator.name, left.name):
        assert name not in answer.content.decode()


def test_skills_are_taken_from_tags(admin, project):
    ResponseFactory.create_batch(2, prompt=PromptFactory(project=project, tags=["lang:de", "easy"]))
    admin.post(PAGE, ASKED | {"skills": "law", "skills_from_tags": "lang:"})
    assert Task.objects.get().audience.skills == ["lang:de", "law"]


def test_prompts_with_enough_answers_are_queued_and_the_rest_is_told_of(admin, project):
    prompts(project, 2, 3, 1)
    assert admin.post(PAGE, ASKED).url == PAGE
    html = admin.get(PAGE).content.decode()
    assert "2 tasks were queued. 1 prompt has too few different answers." in html
    assert "2 tasks wait; they ask for 6 more judgements." in html
    admin.post(PAGE, ASKED | {"overlap": "4"})
    html = admin.get(PAGE).content.decode()
    assert "0 tasks were queued. 2 were there already (2 of them with more places now)." in html


def test_tasks_are_for_the_people_groups_and_skills_that_were_named(admin, project):
    prompts(project, 2)
    member = MembershipFactory(project=project, user__username="noor")
    admin.post(PAGE, ASKED | {"people": "noor", "groups": "team b, team c", "skills": "lang:de"})
    audience = Task.objects.get().audience
    assert audience.people == [Annotator.objects.get(user=member.user).name]
    assert (audience.groups, audience.skills) == (["team b", "team c"], ["lang:de"])


def test_what_is_for_others_stays_and_a_group_without_members_is_told_of(admin, project):
    prompts(project, 2)
    admin.post(PAGE, ASKED)
    admin.post(PAGE, ASKED | {"groups": "nigth", "overlap": "5"})
    html = admin.get(PAGE).content.decode()
    assert "1 of these is for other people, as it was queued before; it was left as it is." in html
    assert "No member is in the group &#x27;nigth&#x27; yet: nobody is offered these tasks" in html
    assert Task.objects.get().slots.count() == 3


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"responses": "10"}, "less than or equal to 9"),
        ({"overlap": "0"}, "greater than or equal to 1"),
        ({"strategy": "magic"}, "Select a valid choice"),
        ({"seed": "-1"}, "greater than or equal to 0"),
        ({"limit": "0"}, "greater than or equal to 1"),
        ({"people": "stranger"}, "stranger is no member of this project"),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_queued(admin, project, asked, sentence):
    prompts(project, 2)
    answer = admin.post(PAGE, ASKED | asked)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not Task.objects.exists()


def test_too_many_prompts_for_a_page_name_the_command(admin, project, monkeypatch):
    prompts(project, 2, 2)
    monkeypatch.setattr(queueing, "MAX_PROMPTS", 1)
    assert "manage.py create_tasks" in admin.post(PAGE, ASKED).content.decode()
    assert admin.post(PAGE, ASKED | {"limit": "1"}).status_code == 302
    assert Task.objects.count() == 1


@pytest.mark.parametrize("role", ["annotator", "reviewer", "engineer"])
def test_only_admins_queue(project, role):
    prompts(project, 2)
    client = Client()
    client.force_login(MembershipFactory(project=project, role=role).user)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, ASKED).status_code == 403
    assert not Task.objects.exists()

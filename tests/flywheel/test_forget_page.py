import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.actions import members
from annotation.models import Annotator, Exclusion, Judgement, Membership, Project, Release
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo")


@pytest.fixture
def noor(project) -> Membership:
    membership = MembershipFactory(project=project, user__username="noor")
    annotator = members.annotator_of(membership.user)
    Judgement.objects.create(task=TaskFactory(project=project), annotator=annotator, ranking=[[0], [1]], uid="1")
    return membership


def signed_in(project: Project, role: str) -> Client:
    client = Client()
    client.force_login(MembershipFactory(project=project, role=role).user)
    return client


def page(membership: Membership) -> str:
    return f"/flywheel/lumo/members/{membership.pk}/forget/"


def test_is_reached_from_the_member_and_tells_no_number_that_gives_away_the_pseudonym(project, noor):
    Release.objects.create(project=project, hash="1", name="lumo-1", path="/nowhere").judgements.add(
        Judgement.objects.get()
    )
    admin = signed_in(project, "admin")
    assert page(noor) in admin.get(f"/projects/lumo/members/{noor.pk}/").content.decode()
    html = admin.get(page(noor)).content.decode()
    assert "they leave every project" in html
    assert not {"lumo-1", "1 judgement", "1 release"} & set(re.findall(r"lumo-1|1 judgement|1 release", html))
    assert Annotator.objects.get(user=noor.user).name not in html


def test_withdraws_and_deletes_as_chosen(project, noor):
    answer = signed_in(project, "admin").post(page(noor), {"judgements": "withdraw", "delete_account": "on"})
    assert "They are forgotten" in answer.content.decode()
    assert Exclusion.objects.exists()
    assert not User.objects.filter(username="noor").exists()


def test_lists_what_holds_something_of_theirs_once_it_is_done(project, noor):
    release = Release.objects.create(project=project, hash="1", name="lumo-1", path="/nowhere")
    release.judgements.add(Judgement.objects.get())
    html = signed_in(project, "admin").post(page(noor), {"judgements": "keep"}).content.decode()
    assert "lumo-1" in html
    assert "noor" not in html


def test_keeps_as_chosen(project, noor):
    signed_in(project, "admin").post(page(noor), {"judgements": "keep"})
    assert not Exclusion.objects.exists()
    assert Judgement.objects.get().annotator.user is None
    assert User.objects.filter(username="noor").exists()


def test_asks_again_where_nothing_was_chosen(project, noor):
    answer = signed_in(project, "admin").post(page(noor), {"judgements": "burn"})
    assert answer.status_code == 400
    assert Membership.objects.filter(pk=noor.pk).exists()


@pytest.mark.parametrize("role", ["annotator", "reviewer", "engineer"])
def test_is_for_admins(project, noor, role):
    client = signed_in(project, role)
    assert [client.get(page(noor)).status_code, client.post(page(noor)).status_code] == [403, 403]


def test_is_refused_where_the_person_works_elsewhere_too(project, noor):
    MembershipFactory(user=noor.user)
    answer = signed_in(project, "admin").post(page(noor), {"judgements": "keep"})
    assert (answer.status_code, "ask whoever runs the site" in answer.content.decode()) == (403, True)
    assert Annotator.objects.get().user == noor.user


def test_knows_no_member_of_another_project(project, noor):
    other = MembershipFactory()
    assert signed_in(project, "admin").get(page(other)).status_code == 404

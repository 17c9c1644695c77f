"""My projects, releases, sign-in and error pages through the test client."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Release
from tests.factories import PASSWORD, MembershipFactory, ProjectFactory, TaskFactory, UserFactory

pytestmark = pytest.mark.django_db


def signed_in(user: User, **options) -> Client:  # type: ignore[no-untyped-def]
    client = Client(**options)
    client.force_login(user)
    return client


def test_my_projects_show_what_waits_in_each_and_no_others():
    membership = MembershipFactory()
    ProjectFactory(name="Not mine")
    TaskFactory(project=membership.project)
    html = signed_in(membership.user).get("/").content.decode()
    assert membership.project.name in html
    assert "<strong>1</strong> waits for you" in html
    assert "Not mine" not in html


def test_many_projects_take_no_more_queries_than_one(django_assert_max_num_queries):
    user = UserFactory()
    for _ in range(8):
        MembershipFactory(user=user)
    client = signed_in(user)
    client.get("/")
    with django_assert_max_num_queries(11):
        client.get("/")


def test_without_a_project_the_page_says_whom_to_ask():
    assert "You are not a member of a project yet." in signed_in(UserFactory()).get("/").content.decode()


def test_signing_in_leads_to_my_projects(client):
    user = UserFactory()
    answer = client.post("/accounts/login/", {"login": user.username, "password": PASSWORD})
    assert answer.url == "/"


def test_a_wrong_password_is_refused_in_our_own_page(client):
    answer = client.post("/accounts/login/", {"login": UserFactory().username, "password": "wrong"})
    html = answer.content.decode()
    assert 'role="alert"' in html
    assert "site-header" in html


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/logout/", "/accounts/password/change/"])
def test_the_pages_of_the_account_are_in_our_look(path):
    client = Client() if "login" in path else signed_in(UserFactory())
    html = client.get(path).content.decode()
    assert "css/site.css" in html
    assert "style=" not in html


def test_an_address_that_leads_nowhere_is_a_page_of_ours(client):
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_form_without_its_token_is_told_to_load_again():
    answer = signed_in(UserFactory(), enforce_csrf_checks=True).post("/accounts/logout/")
    assert answer.status_code == 403
    assert "The form was too old" in answer.content.decode()


def release_of(project, **counts) -> Release:  # type: ignore[no-untyped-def]
    manifest = {
        "format_version": 1,
        "tie_policy": "kept",
        "filters": {"sources": ["human"]},
        "counts": {
            "rows": 3,
            "judgements": 1204,
            "prompts": 3,
            "comparisons": {"strict": 10, "ties": 2},
            "splits": {"train": {"rows": 2, "judgements": 1000}, "test": {"rows": 1, "judgements": 204}},
            "sources": {"human": 1204},
            **counts,
        },
    }
    name = f"{project.slug}-abc"
    return Release.objects.create(project=project, hash="ab" * 32, name=name, path=f"/r/{name}", manifest=manifest)


def test_reviewers_see_releases_with_counts_hash_and_the_command_to_train():
    membership = MembershipFactory(role="reviewer")
    release = release_of(membership.project)
    client = signed_in(membership.user)
    assert release.name in client.get(f"/projects/{membership.project.slug}/releases/").content.decode()
    html = client.get(f"/projects/{membership.project.slug}/releases/{release.name}/").content.decode()
    assert "1,204 judgements on 3 prompts" in html
    assert release.hash in html
    assert f"python manage.py train_rm --release {release.name} --base tiny" in html


def test_simulated_judgements_in_a_release_are_marked():
    membership = MembershipFactory(role="reviewer")
    release = release_of(membership.project, sources={"simulated": 7})
    html = signed_in(membership.user).get(f"/projects/{membership.project.slug}/releases/{release.name}/")
    assert '<span class="badge badge--simulated">7 simulated</span>' in html.content.decode()


def test_annotators_see_no_releases():
    membership = MembershipFactory(role="annotator")
    answer = signed_in(membership.user).get(f"/projects/{membership.project.slug}/releases/")
    assert answer.status_code == 403
    assert "this needs reviewer or engineer or admin" in answer.content.decode()


def test_a_release_of_another_project_is_not_there():
    membership = MembershipFactory(role="reviewer")
    release = release_of(ProjectFactory())
    answer = signed_in(membership.user).get(f"/projects/{membership.project.slug}/releases/{release.name}/")
    assert answer.status_code == 404


def test_releases_come_in_pages_with_a_bounded_number_of_queries(django_assert_max_num_queries):
    membership = MembershipFactory(role="admin")
    for number in range(60):
        Release.objects.create(project=membership.project, hash=f"{number:064}", name=f"r{number}", path="/r")
    client = signed_in(membership.user)
    with django_assert_max_num_queries(10):
        html = client.get(f"/projects/{membership.project.slug}/releases/").content.decode()
    assert "Page 1 of 2" in html

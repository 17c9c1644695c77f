"""Makes the pictures of the pages around the desk: `pytest tests/browser/screenshots_site.py`.

Not collected by a plain `pytest`: the pictures change only when someone asks for it.
"""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from annotation.actions import invitations
from annotation.models import Annotator, Project, Task
from flywheel.actions import generations
from tests.annotation.review_rows import said
from tests.browser import lumo
from tests.browser.pictures import keep
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, UserFactory
from tests.flywheel.doubles import challenge_tasks, generation, member, vote

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def annotator() -> Annotator:
    return lumo.noor()


@pytest.fixture
def project(annotator) -> Project:  # type: ignore[no-untyped-def]
    asked = {"acceptability_asked": True, "criteria": lumo.CRITERIA, "overlap": 1}
    return lumo.lumo(annotator, **asked)


@pytest.fixture
def admin(project) -> User:  # type: ignore[no-untyped-def]
    admin = UserFactory(username="mira", is_staff=True, is_superuser=True)
    MembershipFactory(project=project, user=admin, role="admin")
    for name, role in (("tomas", "reviewer"), ("aiko", "annotator"), ("sam", "engineer")):
        MembershipFactory(project=project, user=UserFactory(username=name), role=role)
    return admin


def test_sign_in(visit):  # type: ignore[no-untyped-def]
    keep(visit().open("/"), "sign-in")


def test_projects(visit, project, annotator):  # type: ignore[no-untyped-def]
    other = ProjectFactory(slug="letters", name="Letters to customers")
    MembershipFactory(project=other, user=annotator.user, role="reviewer")
    keep(visit(annotator.user).open("/"), "projects")


@pytest.mark.parametrize("route", ["settings", "members", "queue", "project_guidelines"])
def test_an_admin_s_pages(visit, admin, route):  # type: ignore[no-untyped-def]
    page = visit(admin).open(reverse(f"annotation:{route}", args=["lumo"]))
    keep(page, f"project-{route.removeprefix('project_')}")


def test_a_new_project(visit, admin):  # type: ignore[no-untyped-def]
    keep(visit(admin).open("/projects/new/"), "project-new")


def test_invitations(visit, project, admin):  # type: ignore[no-untyped-def]
    invitations.invite(project, role="annotator", groups=["days"], skills=["german"], uses=5, days=7, by=admin)
    page = visit(admin).open("/projects/lumo/invitations/")
    page.get_by_role("button", name="Make a link").click()
    page.get_by_label("Invitation link").wait_for()
    keep(page, "project-invitations")


@pytest.fixture
def disputed(project) -> Task:  # type: ignore[no-untyped-def]
    ada, ben, chloe = (AnnotatorFactory(user=UserFactory(username=name)) for name in ("ada", "ben", "chloe"))
    task = project.tasks.get(priority=1)
    ratings = {"correct": [5, 4, 2, 1]}
    seen = {"guideline_version": 2, "at": timezone.now()}
    said(
        task,
        [[0], [1], [2], [3]],
        by=ada,
        **seen,
        seconds=74,
        ratings=ratings,
        acceptable=[0, 1],
        reason="A names cause and remedy.",
    )
    said(
        task,
        [[1], [0], [2], [3]],
        by=ben,
        **seen,
        seconds=41,
        acceptable=[0, 1],
        reason="B says the same in half the words.",
    )
    flags = [{"flag": "off_topic", "response": 3}]
    said(
        task,
        [[1], [2], [0], [3]],
        by=chloe,
        **seen,
        seconds=63,
        acceptable=[1],
        flags=flags,
        reason="Nobody reads A to its end.",
    )
    agreed = lumo.lamp_task(project, messages=lumo.CONVERSATION[1:2])
    for annotator in (ada, ben):
        said(agreed, [[0, 1], [2], [3]], by=annotator, acceptable=[0, 1])
    Task.objects.filter(pk__in=[task.pk, agreed.pk]).update(state=Task.State.DONE)
    return task


def test_review(visit, disputed, admin):  # type: ignore[no-untyped-def]
    keep(visit(admin).open("/projects/lumo/review/"), "review")


def test_a_disputed_task(visit, disputed, admin):  # type: ignore[no-untyped-def]
    tall = {"viewport": {"width": 1280, "height": 1280}}
    keep(visit(admin, **tall).open(f"/projects/lumo/review/tasks/{disputed.pk}/"), "review-task")


def test_the_loop(visit):  # type: ignore[no-untyped-def]
    project = ProjectFactory(slug="lumo", name="Lumo support", overlap=1)
    engineer = MembershipFactory(project=project, role="engineer").user
    first = generation(project)
    generations.make_incumbent(first)
    second = generation(project)
    challenge_tasks(project, second, count=32)
    vote(project, second, by=member(project), wins=24, losses=8)
    generations.promote(project)
    third = generation(project)
    challenge_tasks(project, third, count=30)
    vote(project, third, by=member(project), wins=8, losses=4)
    keep(visit(engineer).open("/flywheel/lumo/"), "flywheel", full_page=True)

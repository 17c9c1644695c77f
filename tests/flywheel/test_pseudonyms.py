"""Who judged what is known by pseudonym alone: on every page that one can walk to, in the API, in exports."""

import re
from collections import deque
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.actions import exclusions, judgements, leases, releases, reviews
from annotation.actions.quality import measuring
from annotation.formats.views.writing import VIEWS, write_view
from annotation.models import Annotator, Judgement, Project, Task
from tests.browser.pages import World, world
from tests.factories import AnnotatorFactory, MembershipFactory, TaskFactory

pytestmark = pytest.mark.django_db
SECRET = "zebulon"
# Where people have names: the members' own pages, the queue, which names people by their accounts alone, one's own.
NAMED = re.compile(r"/projects/[^/]+/(members|invitations|queue)/|/accounts/|/flywheel/[^/]+/members/")
OURS = re.compile(r'href="(/[^"]*)"')


@pytest.fixture
def here(trainer) -> World:  # type: ignore[no-untyped-def]
    """Two people disagree on a task, one of their judgements is excluded, a reviewer has decided, all is measured."""
    found = world()
    people = [AnnotatorFactory() for _ in range(2)]
    for index, annotator in enumerate(people):
        MembershipFactory(project=found.desk, user=annotator.user)
        MembershipFactory(project=found.loop, user=annotator.user)
        rename(annotator, index)
    rename(found.annotator, 2)
    asks_little = {
        "acknowledgement_asked": False,
        "criteria": [],
        "reason_asked": "off",
        "acceptability_asked": False,
    }
    Project.objects.filter(pk=found.desk.pk).update(**asks_little)
    desk = Project.objects.get(pk=found.desk.pk)
    agreed, disputed = TaskFactory.create_batch(2, project=desk, overlap=2, priority=9)
    for annotator, ranking in zip(people, ([[0], [1], [2]], [[2], [1], [0]]), strict=True):
        judge(agreed, annotator, [[0], [1], [2]])
        judge(disputed, annotator, ranking)
    TaskFactory(project=desk)
    reviews.adjudicate(disputed, by=found.admin, ranking=[[0], [1], [2]], reason="The first one answers.")
    releases.export(desk)
    exclusions.exclude(desk, judgements=Judgement.objects.filter(annotator=people[0]), reason="Too fast.", by=None)
    for project in (desk, found.loop):
        measuring.measure(project)
    return found


def judge(task: Task, annotator: Annotator, ranking: list[list[int]]) -> None:
    slot = leases.claim(task.project, by=annotator, among=Task.objects.filter(pk=task.pk))
    judgements.submit(slot.pk, by=annotator, submission_key=slot.submission_key, ranking=ranking)


def rename(annotator: Annotator, index: int) -> None:
    name = f"{SECRET}{index}"
    fields = {"username": name, "email": f"{name}@example.org", "first_name": name, "last_name": name}
    User.objects.filter(pk=annotator.user_id).update(**fields)


def signed_in(here: World, role: str) -> Client:
    member = MembershipFactory(project=here.desk, role=role)
    MembershipFactory(project=here.loop, user=member.user, role=role)
    client = Client()
    client.force_login(member.user)
    return client


def walked(client: Client, *, leaving_out: "re.Pattern[str] | None" = None) -> dict[str, str]:
    """Every page that links lead to, by address; of pages with a query only so many as there are others."""
    seen: dict[str, str] = {}
    ahead, known = deque(["/"]), {"/"}
    while ahead:
        address = ahead.popleft()
        answer = client.get(address)
        if answer.status_code in (301, 302):
            content, links = "", [answer.url]
        else:
            content = answer.content.decode() if "text/html" in answer["Content-Type"] else ""
            links = [unescape(found) for found in OURS.findall(content)]
        seen[address] = content
        for link in links:
            plain = urlsplit(link)._replace(fragment="").geturl()
            if plain in known or plain.startswith(("/static/", "/accounts/logout")) or not plain.startswith("/"):
                continue
            if leaving_out and leaving_out.match(plain):
                continue
            known.add(plain)
            ahead.append(plain)
    return seen


@pytest.mark.parametrize("role", ["annotator", "reviewer", "engineer"])
def test_no_page_names_an_annotator(here, role):
    pages = walked(signed_in(here, role))
    told = [address for address, content in pages.items() if SECRET in content]
    assert told == []
    if role == "reviewer":
        visited = {address.partition("?")[0] for address in pages}
        assert {"/projects/desk/quality/people/", "/projects/desk/releases/", "/flywheel/loop/"} <= visited


def test_an_admin_reads_names_only_where_people_have_names(here):
    pages = walked(signed_in(here, "admin"), leaving_out=NAMED)
    assert [address for address, content in pages.items() if SECRET in content] == []


def test_an_admin_reads_nowhere_whose_judgements_are_whose(here):
    """Not even where people have names."""
    pseudonyms = list(Annotator.objects.filter(user__username__startswith=SECRET).values_list("name", flat=True))
    client = signed_in(here, "admin")
    named = {address: page for address, page in walked(client).items() if SECRET in page}
    assert any("/members/" in address for address in named)
    assert [address for address, page in named.items() for name in pseudonyms if name in page] == []


def test_the_api_names_no_annotator(here):
    client = signed_in(here, "reviewer")
    for path in ("projects/", "projects/desk/releases/", "projects/desk/guidelines/"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code in (200, 204)
        assert SECRET not in answer.content.decode()
    task = client.post("/api/v1/projects/desk/tasks/next/", content_type="application/json")
    assert task.status_code == 200
    assert SECRET not in task.content.decode()


def test_no_export_names_an_annotator(here, tmp_path):
    release = here.desk.releases.get()
    for name, view in VIEWS.items():
        write_view(Path(release.path), view=view, output=tmp_path / f"{name}{view.suffix}")
    files = [file for file in [*tmp_path.iterdir(), *Path(release.path).rglob("*")] if file.is_file()]
    assert len(files) >= len(VIEWS) + 2
    assert [file.name for file in files if SECRET.encode() in file.read_bytes()] == []

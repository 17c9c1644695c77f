"""A task drawn into a kept frame is the task drawn whole."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import set_script_prefix

from annotation.formats.answers import OFF
from annotation.models import Project
from annotation.views import desk_frames
from annotation.views.desk_frames import MARKS, Frame
from tests.annotation.at_desk import HTMX
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db
ADDRESS = "/projects/framed/desk/"
EVERYTHING = {
    "strength_asked": True,
    "acceptability_asked": True,
    "reason_asked": "required",
    "flags_asked": True,
    "highlights_asked": True,
    "edit_asked": True,
    "criteria": [{"name": "kind & true", "scale": 5, "description": "Is it?"}, {"name": "long", "scale": 99}],
}


def project_with(**settings: Any) -> tuple[Project, Client]:
    project = ProjectFactory(slug="framed", name="Answers <b> & more", **settings)
    annotator, client = AnnotatorFactory(), Client()
    MembershipFactory(project=project, user=annotator.user)
    client.force_login(annotator.user)
    return project, client


def drawn(client: Client, **headers: str) -> str:
    html = client.get(ADDRESS, headers=headers).content.decode()
    section = html[html.index("<section id") : html.rindex("</section>")]
    section = section.replace('name="shown" value=""', 'name="shown"')  # nothing was shown
    return re.sub(r"\s+", " ", re.sub(r'(csrfmiddlewaretoken" value=)"\w{64}"', r"\1", section))


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("asked", [{}, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("size", [0, 1, 2, 4, 9])
def test_the_part_for_a_script_is_what_the_page_has(size, asked, language):
    project, client = project_with(**asked)
    TaskFactory(project=project, size=size)
    accepts = {"Accept-Language": language}
    whole = drawn(client, **accepts)
    for _ in range(2):  # drawn, and kept
        assert drawn(client, **accepts, **HTMX) == whole
    assert not any(mark in whole for mark in MARKS.values())


def test_a_change_of_the_project_is_there_at_once():
    project, client = project_with()
    TaskFactory(project=project, size=2)
    before = drawn(client, **HTMX)
    Project.objects.filter(pk=project.pk).update(name="Another name", reason_asked=OFF)
    after = drawn(client, **HTMX)
    assert ("Another name" in before, "Another name" in after) == (False, True)
    assert ("data-reason" in before, "data-reason" in after) == (True, False)


def test_what_was_put_in_is_not_read_again():
    frame = Frame(f"a{MARKS['conversation']}b{MARKS['csrf']}c{MARKS['token']}d{MARKS['token']}")
    written = frame.around({"conversation": MARKS["csrf"], "csrf": "secret", "token": "t"})
    assert written == f"a{MARKS['csrf']}bsecretctdt"


def test_a_frame_is_kept_for_the_addresses_of_one_place():
    _, client = project_with()
    TaskFactory(project=Project.objects.get(), size=2)
    set_script_prefix("/below/")
    below = client.get(ADDRESS, headers=HTMX).content.decode()
    set_script_prefix("/")
    at_the_root = client.get(ADDRESS, headers=HTMX).content.decode()
    assert ('action="/below/projects/' in below, "/below/" in at_the_root) == (True, False)


def test_one_frame_serves_all_tasks_of_a_kind():
    project, client = project_with()
    desk_frames.kept.cache_clear()
    TaskFactory(project=project, size=2)
    for _ in range(3):
        drawn(client, **HTMX)
    assert desk_frames.kept.cache_info()[:2] == (2, 1)  # found, drawn

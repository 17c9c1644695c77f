"""What a page is answered after a submission: nothing that was stored looks refused, nothing is passed over."""

import re

import pytest
from django.test import Client

from annotation.actions import seats
from annotation.models import Judgement, Project, Seat, Slot
from tests.annotation.at_desk import HTMX, hidden_fields, open_task, ranks, url
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db
ADDRESS = "/projects/desk/desk/"


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="desk", name="Support answers")


@pytest.fixture
def annotator(project):  # type: ignore[no-untyped-def]
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator


@pytest.fixture
def desk(annotator) -> Client:  # type: ignore[no-untyped-def]
    client = Client()
    client.force_login(annotator.user)
    return client


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_a_second_tab_sends_is_kept_and_opens_as_a_revision(desk, project, headers):
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, headers=headers)
    second = desk.post(
        url(slot, "submit/"), {**hidden, **ranks(A=2, B=1), "reason": "Mine.", "seconds": "9"}, headers=headers
    )
    html = second.content.decode()
    assert (second.status_code, "perhaps in another tab" in html) == (409, True)
    assert re.search(rf'href="{url(slot)}">\s*Open your judgement', html)
    opened = desk.get(url(slot)).content.decode()
    assert "You are revising what you submitted" in opened
    assert re.search(r'name="rank_B" value="1"[^>]*checked', opened)
    assert ">Mine.</textarea>" in re.sub(r">\s+", ">", opened)
    assert Judgement.objects.get().reason == ""


@pytest.mark.parametrize("seconds", ["", "3.5"])
def test_the_same_sent_again_goes_on_like_the_first_time(desk, project, seconds):
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    for took in ("2.0", seconds):
        sent = {**hidden, **ranks(A=1, B=2), "reason": "So.", "seconds": took}
        answer = desk.post(url(slot, "submit/"), sent, headers=HTMX)
        assert (answer.status_code, "data-desk" in answer.content.decode()) == (200, True)
    assert Judgement.objects.count() == 1


def test_failing_the_qualification_is_what_comes_next_and_no_refusal(desk, project, annotator):
    Project.objects.update(qualification_pass=1.0)
    known = {"ranking": [[0], [1]], "explanation": ""}
    TaskFactory(project=project, size=2, purpose="qualification", known=known, overlap=0)
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    places = {"rank_A": 2 - slot.order[0], "rank_B": 2 - slot.order[1]}
    answer = desk.post(url(slot, "submit/"), {**hidden, **places}, headers=HTMX)
    html = answer.content.decode()
    assert Seat.objects.get(annotator=annotator).qualification == Seat.Qualification.FAILED
    assert (answer.status_code, Judgement.objects.count()) == (200, 1)
    assert 'id="desk"' in html
    assert "A reviewer of the project" in html
    assert "Main" in html  # with the site's own head
    assert desk.get(ADDRESS).status_code == 403


@pytest.mark.parametrize("asked", [True, False])
def test_new_guidelines_are_not_passed_over_by_the_task_that_was_fetched_ahead(desk, project, annotator, asked):
    Project.objects.update(acknowledgement_asked=asked)
    project.guidelines.create(number=1, text="Be kind.")
    seats.acknowledge(project, by=annotator, number=1)
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.get(ADDRESS, {"after": slot.token}, headers=HTMX)
    reserve = Slot.objects.exclude(pk=slot.pk).get()
    project.guidelines.create(number=2, text="Be **exact**.")
    sent = {**HTMX, "Desk-Holds": str(reserve.token)}
    answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, headers=sent)
    assert (answer.status_code, answer.has_header("Desk-Next")) == (200, False)
    assert Judgement.objects.get().guideline_version == 1
    if asked:
        assert "<strong>exact</strong>" in answer.content.decode()
        desk.post("/projects/desk/guidelines/confirm/", {"number": "2"})
        answer = desk.get(ADDRESS)
    assert f'data-slot="{reserve.token}"' in answer.content.decode()
    desk.post(url(reserve, "submit/"), {**hidden_fields(answer.content.decode()), **ranks(A=1, B=2)}, headers=HTMX)
    assert list(Judgement.objects.order_by("pk").values_list("guideline_version", flat=True)) == [1, 2]


@pytest.mark.parametrize(("state", "offer"), [("paused", "Look again"), ("ended", "To my projects")])
def test_a_project_that_stopped_offers_no_next_task(desk, project, state, offer):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    Project.objects.update(state=state)
    html = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, headers=HTMX).content.decode()
    assert (offer in html, "Take the next one" in html) == (True, False)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_saved_revision_says_so_on_the_next_page(desk, project, headers):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, headers=headers)
    hidden = hidden_fields(desk.get(url(slot)).content.decode()) | {"revises": "0"}
    sent = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=2, B=1)}, headers=headers, follow=True)
    assert sent.content.decode().count("Your revision is kept.") - sent.content.decode().count('"Your revision') == 1


def test_the_last_submission_is_offered_once_there_is_one_and_not_while_revising(desk, project):
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    assert "data-last" not in desk.get(ADDRESS).content.decode()
    following = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=2)}, headers=HTMX).content.decode()
    assert 'data-last="/projects/desk/mine/last/"' in following
    assert "data-last" not in desk.get(url(slot)).content.decode()

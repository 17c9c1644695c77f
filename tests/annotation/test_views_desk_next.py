"""The desk's next task fetched ahead, what stands before it, and submissions opened again."""

import re
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.actions import leases, seats
from annotation.models import Draft, Judgement, Project, Seat, Slot
from tests.annotation.at_desk import HTMX, hidden_fields, open_task, ranks, url
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory, lease

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


def fetch_ahead(desk: Client, slot: Slot) -> Slot:
    """The reserve, as the page fetches it."""
    html = desk.get(ADDRESS, {"after": slot.token}, headers=HTMX).content.decode()
    return Slot.objects.get(token=re.search(r'data-slot="([^"]+)"', html)[1])


def asked_ahead(desk: Client, html: str) -> Slot:
    """The same at the address that the page has for it."""
    answer = desk.get(unescape(re.search(r'data-next="([^"]+)"', html)[1]), headers=HTMX).content.decode()
    return Slot.objects.get(token=re.search(r'data-slot="([^"]+)"', answer)[1])


def submit(desk: Client, slot: Slot, hidden: dict[str, str], **headers: str):  # type: ignore[no-untyped-def]
    return desk.post(url(slot, "submit/"), {**hidden, **ranks(A=2, B=1)}, headers=headers)


def test_the_task_after_this_one_is_leased_and_stays_the_same(desk, project):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, _ = open_task(desk)
    reserve = fetch_ahead(desk, slot)
    assert (reserve.state, reserve != slot) == (Slot.State.LEASED, True)
    assert fetch_ahead(desk, slot) == reserve
    assert f'data-slot="{slot.token}"' in desk.get(ADDRESS).content.decode()


def test_the_last_of_the_qualification_set_has_nothing_ahead_and_the_real_tasks_come_after_it(desk, project):
    known = {"ranking": [[0], [1]], "explanation": ""}
    TaskFactory(project=project, size=2, purpose="qualification", known=known, overlap=0)
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    ahead = desk.get(ADDRESS, {"after": slot.token}, headers=HTMX)
    assert (slot.task.purpose, ahead.status_code, ahead.content) == ("qualification", 204, b"")
    answer = desk.post(
        url(slot, "submit/"), {**hidden, **ranks(A=1 + slot.order[0], B=1 + slot.order[1])}, headers=HTMX
    )
    assert "data-desk" in answer.content.decode()


def test_a_page_that_holds_the_next_task_is_told_to_show_it(desk, project):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    ahead = desk.get(ADDRESS, {"after": slot.token}, headers=HTMX).content.decode()
    assert re.sub(r"\s+", " ", ahead).count("<strong>1</strong> done today · <strong>2</strong> wait") == 1
    reserve = fetch_ahead(desk, slot)
    Slot.objects.filter(pk=reserve.pk).update(lease_expires_at=timezone.now())
    holds = {"Desk-Holds": str(reserve.token), "Desk-Counts": "1-1-2-0-0"}
    answer = submit(desk, slot, hidden, **HTMX, **holds)
    assert answer["Desk-Next"] == str(reserve.token)
    following = Slot.objects.exclude(pk__in=[slot.pk, reserve.pk]).get(state=Slot.State.LEASED)
    html = re.sub(r"\s+", " ", answer.content.decode())
    assert f'data-slot="{following.token}"' in html
    assert "<strong>2</strong> done today · <strong>1</strong> waits" in html
    reserve.refresh_from_db()
    assert reserve.lease_expires_at > timezone.now()


def test_the_last_reserve_comes_with_nothing_after_it(desk, project):
    for _ in range(2):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    reserve = fetch_ahead(desk, slot)
    answer = submit(desk, slot, hidden, **HTMX, **{"Desk-Holds": str(reserve.token)})
    assert (answer["Desk-Next"], answer.content) == (str(reserve.token), b"")


def test_a_reserve_under_older_guidelines_is_shown_anew_once_they_are_read(desk, project, annotator):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    reserve = fetch_ahead(desk, slot)
    project.guidelines.create(number=1, text="Help.")
    seats.acknowledge(project, by=annotator, number=1)
    answer = submit(desk, slot, hidden, **HTMX, **{"Desk-Holds": str(reserve.token)})
    assert "Desk-Next" not in answer
    assert f'data-slot="{reserve.token}"' in answer.content.decode()
    reserve.refresh_from_db()
    assert reserve.guideline_version == 1


def test_who_has_failed_since_is_told_after_the_reserve(desk, project, annotator):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    reserve = fetch_ahead(desk, slot)
    known = {"ranking": [[0], [1]], "explanation": ""}
    TaskFactory(project=project, size=2, purpose="qualification", known=known, overlap=0)
    Seat.objects.filter(annotator=annotator).update(qualification=Seat.Qualification.FAILED)
    answer = submit(desk, slot, hidden, **HTMX, **{"Desk-Holds": str(reserve.token)})
    assert (answer["Desk-Next"], answer.content) == (str(reserve.token), b"")


def test_guidelines_that_are_new_come_before_the_reserve(desk, project):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    reserve = fetch_ahead(desk, slot)
    project.guidelines.create(number=1, text="Help.")
    answer = submit(desk, slot, hidden, **HTMX, **{"Desk-Holds": str(reserve.token)})
    assert ("Desk-Next" in answer, "I have read them" in answer.content.decode()) == (False, True)
    assert Judgement.objects.count() == 1


def test_a_page_that_says_what_it_shows_has_that_counted_on(desk, project):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, _ = open_slot(desk)
    counts = {
        "41-7-30-0-0": "<strong>8</strong> done today · <strong>29</strong>",
        "41-7-200-1-0": "<strong>8</strong> done today · <strong>200+</strong>",
        "0-0-0-0-0": "<strong>1</strong> done today · <strong>0</strong>",
        "no-1-1-0-0": "<strong>1</strong> done today · <strong>2</strong>",
        "1-1-1-1-2": "<strong>1</strong> done today · <strong>2</strong>",
        "44-7-200-1-0": "<strong>8</strong> done today · <strong>200+</strong>",
        "49-7-200-1-0": "<strong>1</strong> done today · <strong>2</strong>",
        "49-7-180-0-1": "<strong>1</strong> done today · <strong>2</strong>",
        "44-7-180-0-0": "<strong>1</strong> done today · <strong>2</strong>",
    }
    for said, shown in counts.items():
        html = desk.get(ADDRESS, {"after": slot.token, "counts": said}, headers=HTMX).content.decode()
        assert shown in re.sub(r"\s+", " ", html)


@pytest.mark.parametrize("held", ["lost", "unknown", "nonsense"])
def test_a_page_that_holds_a_task_that_is_gone_gets_the_next_one_whole(desk, project, held):
    for _ in range(3):
        TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    reserve = fetch_ahead(desk, slot)
    token = {"lost": str(reserve.token), "unknown": str(uuid4()), "nonsense": "x"}[held]
    lease(reserve, AnnotatorFactory())
    answer = submit(desk, slot, hidden, **HTMX, **{"Desk-Holds": token})
    assert "Desk-Next" not in answer
    following = Slot.objects.exclude(pk__in=[slot.pk, reserve.pk]).get(state=Slot.State.LEASED)
    assert url(following, "submit/") in answer.content.decode()


def test_ahead_of_a_slot_of_someone_else_is_ones_own_task(desk, project):
    for _ in range(2):
        TaskFactory(project=project)
    taken = lease(TaskFactory(project=project).slots.get(), AnnotatorFactory())
    slot, _ = open_slot(desk)
    for after in (taken.token, "x"):
        assert f'data-slot="{slot.token}"' in desk.get(ADDRESS, {"after": after}).content.decode()
    taken.refresh_from_db()
    assert taken.annotator != slot.annotator


def open_slot(desk: Client) -> tuple[Slot, str]:
    html = desk.get(ADDRESS).content.decode()
    return Slot.objects.get(token=re.search(r'data-slot="([^"]+)"', html)[1]), html


def queries(act) -> tuple[int, object]:  # type: ignore[no-untyped-def]
    """How many a request takes, without the beginning and end of transactions; and what it answers."""
    with CaptureQueriesContext(connection) as captured:
        answer = act()
    return len([q for q in captured.captured_queries if "SAVEPOINT" not in q["sql"]]), answer


@pytest.mark.parametrize("size", [0, 1, 2, 9])
def test_next_and_submit_take_few_queries_whatever_the_size(desk, project, annotator, size):
    project.guidelines.create(number=1, text="Help.")
    for _ in range(3):
        TaskFactory(project=project, size=size)
    seats.acknowledge(project, by=annotator, number=1)
    first, answer = queries(lambda: desk.get(ADDRESS))
    again, _ = queries(lambda: desk.get(ADDRESS))
    slot = Slot.objects.get(state=Slot.State.LEASED)
    ahead, reserve = queries(lambda: asked_ahead(desk, answer.content.decode()))
    places = {f"rank_{letter}": 1 for letter in "ABCDEFGHI"[:size]}
    said = {**hidden_fields(answer.content.decode()), **places, "written": "An answer."}
    headers = {**HTMX, "Desk-Holds": str(reserve.token)}
    sent, answer = queries(lambda: desk.post(url(slot, "submit/"), said, headers=headers))
    assert answer["Desk-Next"] == str(reserve.token)
    assert first <= 11
    assert again <= 8
    assert ahead - 1 <= 10  # one is our own look at the reserve
    assert sent <= 16  # and brings the next but one, which alone would be ten more


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_new_guidelines_come_before_the_next_task_and_are_confirmed(desk, project, annotator, headers):
    project.guidelines.create(number=1, text="Be kind.")
    project.guidelines.create(number=2, text="Be **exact**.", changes="Exact counts more than kind.")
    TaskFactory(project=project)
    html = desk.get(ADDRESS, headers=headers).content.decode()
    assert "<strong>exact</strong>" in html
    assert "Exact counts more than kind." in html
    assert not Slot.objects.filter(state=Slot.State.LEASED).exists()
    assert desk.post("/projects/desk/guidelines/confirm/", {"number": "2"}).url == ADDRESS
    assert Seat.objects.get(annotator=annotator).guideline_seen == 2
    assert 'id="judgement"' in desk.get(ADDRESS).content.decode()


@pytest.mark.parametrize("number", ["7", "", "two"])
def test_guidelines_that_are_not_there_cannot_be_confirmed(desk, project, annotator, number):
    project.guidelines.create(number=1, text="Be kind.")
    assert desk.post("/projects/desk/guidelines/confirm/", {"number": number}).status_code == 404
    assert not Seat.objects.filter(annotator=annotator, guideline_seen__isnull=False).exists()


def test_who_did_not_qualify_is_told_so(desk, project, annotator):
    TaskFactory(project=project, purpose="qualification", known={"ranking": [[0], [1], [2]]})
    seat = seats.of(project, annotator=annotator)
    Seat.objects.filter(pk=seat.pk).update(qualification=Seat.Qualification.FAILED)
    answer = desk.get(ADDRESS)
    assert answer.status_code == 403
    assert "A reviewer of the project" in answer.content.decode()


@pytest.mark.parametrize("case", [((1, 2), "yours agrees with it"), ((2, 1), "yours differs")])
@pytest.mark.parametrize("told", [True, False])
def test_of_a_known_answer_people_are_told_only_where_the_project_says_so(desk, project, annotator, case, told):
    places, sentence = case
    Project.objects.update(gold_feedback=told)
    known = {"ranking": [[0], [1]], "explanation": "The lamp is not broken."}
    slot = lease(TaskFactory(project=project, size=2, purpose="gold", known=known).slots.get(), annotator)
    TaskFactory(project=project, size=2)
    hidden = hidden_fields(desk.get(url(slot)).content.decode())
    said = {**hidden, **ranks(A=places[0], B=places[1])}
    html = desk.post(url(slot, "submit/"), said, headers=HTMX).content.decode()
    assert 'id="judgement"' in html
    assert ("data-feedback" in html, sentence in html, "The lamp is not broken." in html) == (told, told, told)


def judged(desk: Client, project: Project) -> tuple[Slot, Judgement]:
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    submit(desk, slot, hidden)
    slot.refresh_from_db()
    return slot, Judgement.objects.get(slot=slot)


def test_a_submission_is_opened_as_it_was_and_revised(desk, project):
    slot, first = judged(desk, project)
    assert desk.get("/projects/desk/mine/last/").url == url(slot)
    html = desk.get(url(slot)).content.decode()
    assert "You are revising what you submitted" in html
    assert "Save the revision" in html
    assert re.search(r'name="rank_B" value="1"[^>]*checked', html)
    hidden = hidden_fields(html) | {"revises": "0"}
    for _ in range(2):
        answer = desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=1)})
        assert answer.status_code == 302
    first.refresh_from_db()
    assert (first.revised_by.revision, first.revised_by.ranking) == (1, [[0, 1]])
    assert Judgement.objects.count() == 2


def test_the_draft_of_a_revision_comes_back_and_the_judgement_stands(desk, project):
    slot, first = judged(desk, project)
    hidden = hidden_fields(desk.get(url(slot)).content.decode()) | {"revises": "0"}
    assert desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1, B=1)}).status_code == 204
    html = desk.get(url(slot)).content.decode()
    assert re.search(r'name="rank_A" value="1"[^>]*checked', html)
    assert Judgement.objects.current().get() == first


def test_a_draft_of_a_revision_that_was_replaced_meanwhile_neither_stays_nor_comes_back(desk, project, annotator):
    slot, _ = judged(desk, project)
    hidden = hidden_fields(desk.get(url(slot)).content.decode()) | {"revises": "0"}
    assert desk.post(url(slot, "submit/"), {**hidden, **ranks(A=1, B=1)}).status_code == 302
    late = desk.post(url(slot, "draft/"), {**hidden, **ranks(A=2, B=1)}, headers=HTMX)
    assert (late.status_code, "in another window" in late.content.decode()) == (409, True)
    assert not Draft.objects.exists()
    for revises in (None, 0):
        Draft.objects.update_or_create(
            task=slot.task, annotator=annotator, defaults={"content": {"ranking": [[1], [0]]}, "revises": revises}
        )
        html = desk.get(url(slot)).content.decode()
        assert [re.search(rf'name="rank_{x}" value="1"[^>]*checked', html) is not None for x in "AB"] == [True, True]


def test_what_was_sent_to_a_judgement_revised_meanwhile_comes_back_when_it_is_opened_again(desk, project):
    slot, _ = judged(desk, project)
    pages = [hidden_fields(desk.get(url(slot)).content.decode()) | {"revises": "0"} for _ in range(2)]
    assert desk.post(url(slot, "submit/"), {**pages[0], **ranks(A=1, B=1)}).status_code == 302
    refused = desk.post(url(slot, "submit/"), {**pages[1], **ranks(A=1, B=2), "reason": "Mine."}, headers=HTMX)
    assert (refused.status_code, "is kept as a draft" in refused.content.decode()) == (409, True)
    assert ">Mine.</textarea>" in re.sub(r">\s+", ">", desk.get(url(slot)).content.decode())


def test_a_draft_of_an_earlier_lease_does_not_replace_that_of_the_present_one(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    thief = AnnotatorFactory()
    MembershipFactory(project=project, user=thief.user)
    for by in (thief, slot.annotator):
        Slot.objects.update(lease_expires_at=timezone.now())
        leases.claim(project, by=by)
    _, present = open_task(desk)
    assert desk.post(url(slot, "draft/"), {**present, **ranks(A=1, B=1)}).status_code == 204
    assert desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1)}, headers=HTMX).status_code == 409
    assert Draft.objects.get(annotator=slot.annotator).content["places"] == {"0": 1, "1": 1}


def test_a_draft_that_arrives_after_its_task_was_given_back_is_not_kept(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    desk.post(url(slot, "skip/"), {"reason": "harm"})
    late = desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1)}, headers=HTMX)
    assert (late.status_code, "You gave this task back: go on" in late.content.decode()) == (409, True)
    assert not Draft.objects.exists()


def test_a_draft_that_arrives_after_its_submission_is_no_revision(desk, project):
    TaskFactory(project=project, size=2)
    slot, hidden = open_task(desk)
    submit(desk, slot, hidden)
    assert desk.post(url(slot, "draft/"), {**hidden, **ranks(A=1)}, headers=HTMX).status_code == 409
    assert not Draft.objects.exists()


def test_a_locked_submission_can_be_read_and_says_why_not_revised(desk, project):
    slot, _ = judged(desk, project)
    Project.objects.update(revisions_locked=True)
    html = desk.get(url(slot)).content.decode()
    assert "are locked and can no longer be revised" in html
    assert "Save the revision" not in html
    assert re.search(r'name="rank_B" value="1"[^>]*disabled', html)


def test_the_last_submissions_are_listed_newest_first_with_what_was_said(desk, project, annotator):
    for _ in range(2):
        judged(desk, project)
    html = desk.get("/projects/desk/mine/").content.decode()
    questions = [judgement.task.prompt.messages[0]["content"] for judgement in Judgement.objects.order_by("-pk")]
    assert re.findall(r"Question \d+\?", html) == questions
    assert "B, then A" in html


def test_with_nothing_submitted_the_list_says_so(desk, project):
    assert desk.get("/projects/desk/mine/last/").url == "/projects/desk/mine/"
    assert "You have not submitted anything here yet." in desk.get("/projects/desk/mine/").content.decode()


def test_the_list_takes_a_fixed_number_of_queries(desk, project, django_assert_max_num_queries):
    for _ in range(3):
        judged(desk, project)
    with django_assert_max_num_queries(7):
        desk.get("/projects/desk/mine/")

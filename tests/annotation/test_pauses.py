"""Somebody gets no task for a while, is told why, and loses nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from annotation.actions import judgements, leases, pauses, seats
from annotation.exceptions import InvalidReason, NotFound, Paused, SlotLost
from annotation.models import Annotator, AuditEvent, Draft, Judgement, Project, Seat, Slot, Task
from annotation.views.progress import progress_in
from tests.annotation.at_api import send
from tests.annotation.at_desk import HTMX, hidden_fields, ranks, url
from tests.factories import AnnotatorFactory, ProjectFactory, TaskFactory, UserFactory, lease, member_of

pytestmark = pytest.mark.django_db
WHY = "Read version 3 of the guidelines first."


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="desk", name="Lumo")


@pytest.fixture
def someone(project) -> Annotator:
    return member_of(project)


def pause(project: Project, annotator: Annotator, reason: str = WHY) -> int:
    return pauses.pause(project, annotator=annotator, reason=reason, by=UserFactory())


def signed_in(annotator: Annotator) -> Client:
    client = Client()
    client.force_login(annotator.user)
    return client


class TestPause:
    def test_gives_out_nothing_and_says_why(self, project, someone):
        TaskFactory(project=project)
        pause(project, someone)
        with pytest.raises(Paused, match=WHY):
            leases.claim(project, by=someone)

    def test_is_of_one_project_and_one_person(self, project, someone):
        elsewhere = TaskFactory().project
        elsewhere.memberships.create(user=someone.user)
        TaskFactory.create_batch(2, project=project)
        pause(project, someone)
        assert leases.claim(elsewhere, by=someone)
        assert leases.claim(project, by=member_of(project))

    def test_gives_back_what_they_hold_and_keeps_their_drafts(self, project, someone):
        TaskFactory.create_batch(2, project=project)
        slot = leases.claim(project, by=someone)
        leases.save_draft(slot, by=someone, content={"reason": "half a thought"})
        reserve = leases.claim(project, by=someone, ahead_of=slot)

        assert pause(project, someone) == 2

        assert set(Slot.objects.values_list("state", "annotator")) == {("open", None)}
        assert Draft.objects.get(task=slot.task).content == {"reason": "half a thought"}
        assert leases.claim(project, by=member_of(project)).pk in (slot.pk, reserve.pk)

    def test_ends_a_repeat_which_is_for_nobody_else(self, project, someone):
        first = TaskFactory(project=project)
        again = TaskFactory(project=project, purpose="repeat", repeats=first, prompt=first.prompt)
        lease(again.slots.get(), someone)
        pause(project, someone)
        again.refresh_from_db()
        assert again.state == Task.State.WITHDRAWN

    def test_leaves_what_they_judged(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=[[0], [1], [2]])
        assert pause(project, someone) == 0
        assert Judgement.objects.current().filter(annotator=someone).exists()

    def test_stands_in_the_audit_trail_by_pseudonym(self, project, someone):
        by = UserFactory()
        pauses.pause(project, annotator=someone, reason=f" {WHY} ", by=by)
        event = AuditEvent.objects.get(verb="annotator paused")
        assert (event.by, event.subject) == (by, "project desk")
        assert event.detail == {"annotator": someone.name, "reason": WHY, "given_back": 0}

    def test_said_twice_is_said_once_and_another_reason_replaces_the_first(self, project, someone):
        for reason in (WHY, WHY, "Ask Mo."):
            pause(project, someone, reason)
        assert Seat.objects.get().paused_because == "Ask Mo."
        assert AuditEvent.objects.filter(verb="annotator paused").count() == 2

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "\x00"])
    def test_needs_a_reason_that_can_be_shown(self, project, someone, reason):
        with pytest.raises(InvalidReason):
            pause(project, someone, reason)
        assert not Seat.objects.filter(paused_at__isnull=False).exists()

    def test_is_not_for_names_behind_which_nobody_sits(self, project):
        with pytest.raises(NotFound, match="nobody to pause"):
            pause(project, AnnotatorFactory(user=None))


class TestLift:
    def test_lets_them_go_on(self, project, someone):
        TaskFactory(project=project)
        pause(project, someone)
        assert pauses.lift(project, annotator=someone, by=None)
        assert leases.claim(project, by=someone)
        assert AuditEvent.objects.filter(verb="annotator goes on").count() == 1

    def test_of_nobody_paused_changes_nothing(self, project, someone):
        assert not pauses.lift(project, annotator=someone, by=None)
        assert not AuditEvent.objects.exists()


class TestWhatTheyRead:
    def test_the_desk_says_why_kindly(self, project, someone):
        pause(project, someone, "<b>Soon</b>")
        answer = signed_in(someone).get("/projects/desk/desk/")
        html = answer.content.decode()
        assert answer.status_code == 403
        assert "Its admins say: “&lt;b&gt;Soon&lt;/b&gt;” What you began is kept." in html
        assert "Thank you for what you have done so far." in html

    def test_a_page_that_was_open_keeps_its_work_and_is_told_the_same(self, project, someone):
        TaskFactory(project=project, size=2)
        desk = signed_in(someone)
        html = desk.get("/projects/desk/desk/").content.decode()
        slot = Slot.objects.get()
        pause(project, someone)

        answer = desk.post(url(slot, "submit/"), {**hidden_fields(html), **ranks(A=2, B=1)}, headers=HTMX)

        assert (answer.status_code, WHY in answer.content.decode()) == (409, True)
        assert Draft.objects.get().content["ranking"]
        assert not Judgement.objects.exists()

    def test_a_draft_that_comes_later_is_kept_too(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        pause(project, someone)
        slot.refresh_from_db()
        leases.save_draft(slot, by=someone, content={"reason": "late"})
        assert Draft.objects.get().content == {"reason": "late"}
        with pytest.raises(SlotLost, match=WHY):
            leases.renew(slot, by=someone)

    def test_what_was_submitted_is_not_revised_meanwhile(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        said = {"submission_key": slot.submission_key, "ranking": [[0], [1], [2]]}
        judgements.submit(slot.pk, by=someone, **said)
        pause(project, someone)
        with pytest.raises(SlotLost, match=WHY):
            judgements.revise(slot.pk, by=someone, revises=0, **said | {"ranking": [[2], [1], [0]]})

    def test_the_api_says_the_same(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        pause(project, someone)
        client = signed_in(someone)
        claimed = send(client, "projects/desk/tasks/next/", {})
        body = {"submission_key": str(slot.submission_key), "ranking": [[0], [1], [2]]}
        sent = send(client, f"slots/{slot.token}/judgement/", body)
        assert (claimed.status_code, sent.status_code) == (403, 409)
        assert WHY in claimed.json()["detail"]
        assert WHY in sent.json()["detail"]

    def test_nothing_waits_for_them(self, project, someone):
        TaskFactory(project=project)
        pause(project, someone)
        assert progress_in([project], annotator=someone)[project.pk].waiting == 0


@pytest.mark.django_db(transaction=True)
def test_a_claim_at_the_same_moment_leaves_no_lease_behind(project, someone):
    TaskFactory.create_batch(6, project=project)
    seats.of(project, annotator=someone)

    def claim(_: int) -> None:
        try:
            leases.claim(project, by=someone)
        except Paused:
            pass
        finally:
            connections.close_all()

    def stop() -> None:
        pause(project, someone)
        connections.close_all()

    with ThreadPoolExecutor(7) as pool:
        claims = pool.map(claim, range(6))
        pool.submit(stop).result()
        list(claims)
    assert not Slot.objects.filter(state=Slot.State.LEASED).exists()

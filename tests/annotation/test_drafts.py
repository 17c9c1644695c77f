"""Unfinished work is kept while one works, and outlives the lease."""

import threading
import uuid

import pytest
from django.db import connections

from annotation.actions import judgements, leases
from annotation.exceptions import InvalidJudgement, NotFound, SlotLost
from annotation.models import Draft, Judgement, Project, Slot
from tests.factories import ProjectFactory, TaskFactory, fill, member_of, run_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def someone(project):
    return member_of(project)


class TestDraft:
    def test_is_kept_and_replaced(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        assert leases.draft_of(slot, by=someone) == {}
        leases.save_draft(slot, by=someone, content={"ranking": [[1]]})
        leases.save_draft(slot, by=someone, content={"reason": "🦊 \u202e"})

        assert leases.draft_of(slot, by=someone) == {"reason": "🦊 \u202e"}

    def test_outlives_the_lease(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        leases.save_draft(slot, by=someone, content={"ranking": [[1]]})
        run_out(slot)
        leases.claim(project, by=member_of(project))
        slot.refresh_from_db()

        leases.save_draft(slot, by=someone, content={"ranking": [[2]]})

        assert leases.draft_of(slot, by=someone) == {"ranking": [[2]]}

    def test_is_nobody_elses(self, project, someone):
        TaskFactory(project=project)
        other = member_of(project)
        slot = leases.claim(project, by=other)
        leases.save_draft(slot, by=other, content={"reason": "mine"})

        assert leases.draft_of(slot, by=someone) == {}
        with pytest.raises(NotFound):
            leases.save_draft(slot, by=someone, content={})

    def test_may_begin_a_revision_of_what_was_judged_until_the_project_locks_it(self, project, someone):
        TaskFactory(project=project)
        fill(leases.claim(project, by=someone))
        slot = leases.held_by(someone, token=Slot.objects.get().token)

        leases.save_draft(slot, by=someone, content={"reason": "on second thoughts"})
        assert leases.draft_of(slot, by=someone) == {"reason": "on second thoughts"}

        Project.objects.update(revisions_locked=True)
        slot = leases.held_by(someone, token=slot.token)
        with pytest.raises(SlotLost, match="already judged"):
            leases.save_draft(slot, by=someone, content={"reason": "too late"})

    @pytest.mark.parametrize("content", [[], "text", {"reason": "x" * 262_144}, {"a": "\0"}, {"a": "\ud800"}])
    def test_refuses_what_cannot_be_kept(self, project, someone, content):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        with pytest.raises(InvalidJudgement):
            leases.save_draft(slot, by=someone, content=content)

    @pytest.mark.parametrize(
        "content",
        [
            {"mood": 1},
            {"ranking": "ABC"},
            {"ranking": [[0], [7]]},
            {"ranking": [[[0]]]},
            {"places": [1]},
            {"places": {"x": 1}},
            {"places": {"0": "first"}},
            {"acceptable": [[0]]},
            {"strength": [2]},
            {"ratings": {"tone": "good"}},
            {"flags": {}},
            {"reason": 1},
            {"edited": {"9": "x"}},
            {"seconds": -1},
        ],
    )
    def test_refuses_a_shape_that_the_desk_cannot_show(self, project, someone, content):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        with pytest.raises(InvalidJudgement, match=next(iter(content))):
            leases.save_draft(slot, by=someone, content=content)

        assert leases.draft_of(slot, by=someone) == {}

    def test_keeps_what_is_half_done(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        content = {
            "ranking": [[1]],
            "places": {"1": 1, "2": None},
            "strength": 2,
            "acceptable": [1],
            "ratings": {"tone": [4, None]},
            "flags": [{"flag": "harmful", "response": 1}],
            "edited": {"0": "Better."},
            "seconds": 3.5,
        }

        leases.save_draft(slot, by=someone, content=content)

        assert leases.draft_of(slot, by=someone) == content


@pytest.fixture
def interrupted(monkeypatch):
    """Something else comes when a draft has been looked at and is not yet written: as far as the database lets it."""
    look = leases._undraftable

    def interrupt(act):
        other = threading.Thread(target=apart, args=(act,))

        def looked(*args, **kwargs):
            found = look(*args, **kwargs)
            other.start()
            other.join(timeout=1)
            return found

        monkeypatch.setattr(leases, "_undraftable", looked)
        return other.join

    return interrupt


def apart(act):
    try:
        act()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
class TestADraftAndItsSubmissionAtOnce:
    RANKING = [[2], [1], [0]]

    def test_leave_the_submission_alone(self, project, someone, interrupted):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        said = {"submission_key": slot.submission_key, "ranking": self.RANKING}
        finish = interrupted(lambda: judgements.submit(slot.pk, by=someone, **said))

        leases.save_draft(slot, by=someone, content={"reason": "old"}, page=leases.Page(slot.submission_key, None))
        finish()

        assert Judgement.objects.get().ranking == self.RANKING
        assert not Draft.objects.exists()
        slot.refresh_from_db()
        assert leases.draft_of(slot, by=someone) == {}

    def test_leave_the_revision_alone(self, project, someone, interrupted):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=[[0], [1], [2]])
        slot.refresh_from_db()
        key = uuid.uuid4()
        said = {"submission_key": key, "revises": 0, "ranking": self.RANKING}
        finish = interrupted(lambda: judgements.revise(slot.pk, by=someone, **said))

        leases.save_draft(slot, by=someone, content={"reason": "old"}, page=leases.Page(key, 0))
        finish()

        assert Judgement.objects.current().get().ranking == self.RANKING
        assert not Draft.objects.exists()
        assert leases.draft_of(slot, by=someone) == {}

    def test_are_told_apart_when_the_slot_was_read_before(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        read = leases.held_by(someone, token=slot.token)
        judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=self.RANKING)

        with pytest.raises(SlotLost, match="already judged"):
            leases.save_draft(
                read, by=someone, content={"reason": "old"}, page=leases.Page(slot.submission_key, None)
            )

        assert not Draft.objects.exists()

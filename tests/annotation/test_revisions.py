"""What was submitted can be said anew: the old judgement is kept, the new one holds, and nothing counts twice."""

import threading
import uuid

import pytest
from django.db import connection, connections

from annotation.actions import judgements, leases, releases
from annotation.exceptions import InvalidJudgement, NotFound, SlotLost
from annotation.formats.rows import judgement_uid
from annotation.models import Comparison, Draft, Judgement, Membership, Project, Slot, Task
from tests.annotation.test_leases import member_of
from tests.factories import ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def someone(project):
    return member_of(project)


@pytest.fixture
def filled(project, someone):
    TaskFactory(project=project)
    slot = leases.claim(project, by=someone)
    judgements.submit(slot.pk, by=someone, submission_key=slot.submission_key, ranking=[[0], [1], [2]])
    return slot


def revise(slot, by, **said):
    given = {"submission_key": uuid.uuid4(), "revises": 0, "ranking": [[2], [1], [0]], **said}
    return judgements.revise(slot.pk, by=by, **given)


class TestRevise:
    def test_the_new_judgement_holds_and_the_old_one_is_kept(self, filled, someone):
        new = revise(filled, someone, reason="Second thoughts.")

        old = Judgement.objects.get(revision=0)
        assert (old.ranking, old.revised_by) == ([[0], [1], [2]], new)
        assert (new.revision, new.ranking, new.reason) == (1, [[2], [1], [0]], "Second thoughts.")
        assert new.uid == judgement_uid(task_key=filled.task.key, annotator=someone.name, revision=1)
        assert list(Judgement.objects.current()) == [new]
        assert (new.slot, new.shown) == (filled, filled.order)

    def test_brings_its_own_comparisons(self, filled, someone):
        new = revise(filled, someone, ranking=[[2], [0, 1]])

        of = dict(filled.task.positions.values_list("response_id", "position"))
        pairs = {(of[c.winner_id], of[c.loser_id], c.tie) for c in new.comparisons.all()}
        assert pairs == {(2, 0, False), (2, 1, False), (0, 1, True)}
        assert Comparison.objects.exclude(judgement=new).count() == 3

    def test_fills_nothing_twice(self, filled, someone):
        revise(filled, someone)

        assert Task.objects.values_list("state", "filled", "overlap").get() == (Task.State.DONE, 1, 1)
        assert Slot.objects.get().state == Slot.State.FILLED

    def test_sent_again_with_the_same_key_is_the_same_revision(self, filled, someone):
        key = uuid.uuid4()
        first = revise(filled, someone, submission_key=key)
        again = revise(filled, someone, submission_key=key)

        assert again == first
        assert Judgement.objects.count() == 2

    @pytest.mark.parametrize("revises", [0, 1])
    def test_something_else_with_the_same_key_is_kept_as_a_draft(self, filled, someone, revises):
        key = uuid.uuid4()
        first = revise(filled, someone, submission_key=key)

        with pytest.raises(SlotLost, match="kept as a draft"):
            revise(filled, someone, submission_key=key, revises=revises, ranking=[[0, 1, 2]])

        assert Judgement.objects.current().get() == first
        assert leases.drafted(filled, by=someone, revises=1).content["ranking"] == [[0, 1, 2]]

    def test_goes_on_from_revision_to_revision(self, filled, someone):
        for number in range(3):
            revise(filled, someone, revises=number)

        assert list(Judgement.objects.order_by("pk").values_list("revision", "revised_by__revision")) == [
            (0, 1), (1, 2), (2, 3), (3, None),
        ]  # fmt: skip

    def test_only_what_holds_is_released(self, filled, someone, project):
        revise(filled, someone)

        released = releases.export(project).judgements.all()

        assert [judgement.revision for judgement in released] == [1]

    def test_deletes_the_draft(self, filled, someone):
        leases.save_draft(filled, by=someone, content={"reason": "x"})

        revise(filled, someone)

        assert not Draft.objects.exists()

    def test_asks_a_bounded_number_of_questions(self, filled, someone, django_assert_max_num_queries):
        with django_assert_max_num_queries(12):
            revise(filled, someone)


class TestRefusals:
    def refused(self, slot, by, sentence, **said):
        with pytest.raises(SlotLost, match=sentence):
            revise(slot, by, reason="hours of work", **said)
        assert Draft.objects.get().content == {"ranking": [[2], [1], [0]], "reason": "hours of work"}
        assert Judgement.objects.count() == 1
        assert Comparison.objects.count() == 3

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"revisions_locked": True}, "are locked and can no longer be revised"),
            ({"state": Project.State.ENDED}, "has ended"),
            ({"state": Project.State.PAUSED}, "is paused"),
        ],
    )
    def test_of_a_project_that_takes_none(self, filled, someone, change, sentence):
        Project.objects.update(**change)

        self.refused(filled, someone, sentence)

    def test_of_a_withdrawn_task(self, filled, someone):
        Task.objects.update(state=Task.State.WITHDRAWN)

        self.refused(filled, someone, "withdrawn")

    def test_of_a_person_who_is_no_member_any_more(self, filled, someone):
        Membership.objects.all().delete()

        self.refused(filled, someone, "no longer a member")

    @pytest.mark.parametrize("revises", [1, 7])
    def test_of_another_revision_than_the_newest(self, filled, someone, revises):
        self.refused(filled, someone, "in another window", revises=revises)

    def test_of_what_does_not_fit_change_nothing(self, filled, someone):
        with pytest.raises(InvalidJudgement, match="response 2 is not placed"):
            revise(filled, someone, ranking=[[0], [1]])

        assert Judgement.objects.get().revised_by is None

    def test_of_a_task_that_is_not_judged_yet(self, project, someone):
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)

        with pytest.raises(InvalidJudgement, match="not submitted this task yet"):
            revise(slot, someone)

        assert Slot.objects.get().state == Slot.State.LEASED

    def test_of_a_stranger_say_nothing_about_the_slot(self, filled, project):
        with pytest.raises(NotFound):
            revise(filled, member_of(project))
        with pytest.raises(NotFound):
            judgements.revise(10**12, by=member_of(project), submission_key=uuid.uuid4(), revises=0)


class TestLatest:
    def test_are_ones_own_newest_first_as_they_hold_today(self, project, someone):
        other = member_of(project)
        for by in (someone, someone, other):
            TaskFactory(project=project)
            slot = leases.claim(project, by=by)
            judgements.submit(slot.pk, by=by, submission_key=slot.submission_key, ranking=[[0], [1], [2]])
        first = Slot.objects.filter(annotator=someone).order_by("filled_at")[0]
        revise(first, someone)

        found = judgements.latest(project, by=someone)

        assert [judgement.revision for judgement in found] == [1, 0]
        assert {judgement.annotator_id for judgement in found} == {someone.pk}
        assert len(judgements.latest(project, by=someone, limit=1)) == 1

    def test_ask_one_question(self, filled, project, someone, django_assert_num_queries):
        with django_assert_num_queries(1):
            for judgement in judgements.latest(project, by=someone):
                assert judgement.slot.token
                assert judgement.task.prompt.last_message
                assert judgements.revisable(judgement) == ""


@pytest.mark.django_db(transaction=True)
def test_many_revisions_at_once_leave_one_that_holds(project, someone, filled):
    """Eight windows revise the same judgement, two of them with the same key; one revision comes of it."""
    keys = [uuid.uuid4() for _ in range(7)]
    together = threading.Barrier(8)
    outcomes: list[object] = []

    def window(key):
        together.wait()
        try:
            outcomes.append(revise(filled, someone, submission_key=key).pk)
        except SlotLost as error:
            outcomes.append(str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=window, args=(key,)) for key in [*keys, keys[0]]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = {outcome for outcome in outcomes if isinstance(outcome, int)}
    assert (len(outcomes), len(kept)) == (8, 1), connection.vendor
    assert all("in another window" in outcome for outcome in outcomes if isinstance(outcome, str))
    standing = list(Judgement.objects.order_by("pk").values_list("revision", "revised_by"))
    assert standing == [(0, kept.pop()), (1, None)]
    assert Comparison.objects.count() == 6

import uuid

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.actions import judgements, leases
from annotation.exceptions import AlreadyJudged, InvalidJudgement, NotFound, SlotLost
from annotation.formats import answers
from annotation.formats.rows import judgement_uid
from annotation.models import Comparison, Draft, Guideline, Judgement, Membership, Project, Slot, Task
from tests.annotation.test_leases import member_of, run_out
from tests.factories import AnnotatorFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory(
        criteria=[{"name": "correctness", "scale": 5, "required": False}],
        acceptability_asked=False,
        highlights_asked=True,
        edit_asked=True,
        acknowledgement_asked=False,
    )


@pytest.fixture
def someone(project):
    return member_of(project)


@pytest.fixture
def slot(project, someone):
    TaskFactory(project=project)
    return leases.claim(project, by=someone)


@pytest.fixture
def pair(project, someone):
    Project.objects.update(strength_asked=True)
    project.refresh_from_db()
    TaskFactory(project=project, size=2)
    return leases.claim(project, by=someone)


def submit(slot, by, **said):
    said.setdefault("ranking", [[2], [0, 1]])
    return judgements.submit(slot.pk, by=by, **{"submission_key": slot.submission_key, **said})


class TestSubmit:
    def test_keeps_all_that_was_said_and_fills_the_slot(self, someone, project):
        Guideline.objects.create(project=project, number=1, text="Be fair.")
        Guideline.objects.create(project=project, number=2, text="Be fairer.")
        Project.objects.update(acceptability_asked=True)
        task = TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        text = task.positions.get(position=1).response.text
        span = {"response": 1, "start": 2, "end": 6, "text": text[2:6], "comment": "Sure?"}

        judgement = submit(
            slot,
            someone,
            acceptable=[2],
            ratings={"correctness": [1, 2, 5]},
            flags=[{"flag": "unclear"}, {"flag": "harmful", "response": 1}],
            reason="<b>Because</b>",
            edited={"0": "Better."},
            spans=[span],
            seconds=12.5,
        )

        judgement.refresh_from_db()
        slot.refresh_from_db()
        task = Task.objects.get()
        assert judgement.ranking == [[2], [0, 1]]
        assert judgement.ratings == {"correctness": [1, 2, 5]}
        assert (judgement.acceptable, judgement.spans, judgement.reason) == ([2], [span], "<b>Because</b>")
        assert judgement.flags == [{"flag": "harmful", "response": 1}, {"flag": "unclear"}]
        assert (judgement.edited, judgement.seconds, judgement.shown) == ({"0": "Better."}, 12.5, slot.order)
        assert (judgement.source, judgement.guideline_version) == ("human", 2)
        assert judgement.uid == judgement_uid(task_key=task.key, annotator=someone.name, revision=0)
        assert (slot.state, slot.annotator, slot.lease_expires_at) == (Slot.State.FILLED, someone, None)
        assert (task.state, task.filled) == (Task.State.DONE, 1)

    def test_stores_the_guideline_that_was_shown_not_the_newest(self, project, someone):
        Guideline.objects.create(project=project, number=1, text="Be fair.")
        TaskFactory(project=project)
        slot = leases.claim(project, by=someone)
        Guideline.objects.create(project=project, number=2, text="Be fairer.")

        assert slot.guideline_version == 1
        assert submit(slot, someone).guideline_version == 1

    def test_says_what_the_database_refused_and_keeps_the_work(self, slot, someone):
        other = AnnotatorFactory()
        Judgement.objects.create(task=slot.task, slot=slot, annotator=other, uid="x", ranking=[[0], [1], [2]])

        with pytest.raises(SlotLost, match="The task changed while you sent this"):
            submit(slot, someone, reason="hours of work")

        assert leases.draft_of(slot, by=someone)["reason"] == "hours of work"

    def test_mends_a_count_that_was_wrong(self, slot, someone):
        Task.objects.update(filled=1)

        submit(slot, someone)

        assert Task.objects.values_list("state", "filled", "overlap").get() == (Task.State.DONE, 1, 1)

    def test_of_a_withdrawn_task_leave_it_withdrawn(self, slot):
        Task.objects.update(state=Task.State.WITHDRAWN)

        Task.objects.all().recount()

        assert Task.objects.get().state == Task.State.WITHDRAWN

    def test_that_lost_its_slot_keeps_only_what_a_draft_can_hold(self, slot, someone):
        run_out(slot)
        leases.claim(slot.task.project, by=member_of(slot.task.project))

        with pytest.raises(SlotLost):
            submit(slot, someone, ranking=[["A"]], reason="mine")

        assert leases.draft_of(slot, by=someone) == {"reason": "mine"}

    def test_leaves_the_task_open_until_its_last_slot_is_filled(self, project):
        TaskFactory(project=project, overlap=2)
        states = []
        for _ in range(2):
            annotator = member_of(project)
            submit(leases.claim(project, by=annotator), annotator)
            states.append(Task.objects.values_list("state", "filled").get())

        assert states == [("open", 1), ("done", 2)]

    def test_makes_one_comparison_for_each_pair(self, slot, someone):
        judgement = submit(slot, someone)

        of = dict(slot.task.positions.values_list("response_id", "position"))
        pairs = {(of[c.winner_id], of[c.loser_id], c.tie) for c in judgement.comparisons.all()}
        assert pairs == {(2, 0, False), (2, 1, False), (0, 1, True)}

    def test_deletes_the_draft(self, slot, someone):
        leases.save_draft(slot, by=someone, content={"reason": "x"})

        submit(slot, someone)

        assert not Draft.objects.exists()

    def test_sent_again_with_the_same_key_is_the_same_judgement(self, slot, someone):
        said = {"reason": "Shorter.", "ratings": {"correctness": [1, 2, 5]}, "flags": [{"flag": "unclear"}]}
        first = submit(slot, someone, seconds=4.5, **said)
        again = submit(slot, someone, seconds=61, **said)

        assert again == first
        assert (Judgement.objects.count(), Comparison.objects.count(), Task.objects.get().filled) == (1, 3, 1)

    @pytest.mark.parametrize("key", ["the same", "another"])
    @pytest.mark.parametrize(
        "other",
        [{"ranking": [[0], [1], [2]]}, {"reason": "On second thoughts."}, {"ratings": {"correctness": [1, 1, 1]}}],
    )
    def test_sent_from_another_tab_with_other_content_is_kept_to_revise_by(self, slot, someone, key, other):
        first = submit(slot, someone)
        sent = {"submission_key": slot.submission_key if key == "the same" else uuid.uuid4(), **other}

        with pytest.raises(AlreadyJudged, match="perhaps in another tab"):
            submit(slot, someone, **sent)

        assert Judgement.objects.get() == first
        draft = leases.drafted(slot, by=someone, revises=0)
        assert other.items() <= draft.content.items()

    def test_sent_from_another_tab_once_it_is_locked_says_that_the_judgement_stands(self, slot, someone):
        submit(slot, someone)
        Project.objects.update(revisions_locked=True)

        with pytest.raises(SlotLost, match="your judgement stands") as refused:
            submit(slot, someone, reason="On second thoughts.")

        assert not isinstance(refused.value, AlreadyJudged)
        assert not Draft.objects.exists()

    def test_accepts_a_lease_that_ran_out_while_nobody_took_the_slot(self, slot, someone):
        run_out(slot)

        assert submit(slot, someone)

    def test_asks_a_bounded_number_of_questions(self, slot, someone, django_assert_max_num_queries):
        with django_assert_max_num_queries(12):
            submit(slot, someone)

    def test_marks_a_simulated_judgement(self, project):
        TaskFactory(project=project)
        simulated = AnnotatorFactory(user=None)
        judgement = submit(leases.claim(project, by=simulated), simulated, source="simulated")

        assert judgement.source == Judgement.Source.SIMULATED
        assert not Judgement.objects.by_people().exists()

    def test_keeps_the_strength_of_a_pair_on_its_comparison(self, pair, someone):
        assert submit(pair, someone, ranking=[[1], [0]], strength=3).comparisons.get().strength == 3


class TestRefusals:
    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ({"ranking": [[0], [1]]}, "response 2 is not placed"),
            ({"ranking": [[0], [1], [1, 2]]}, "twice"),
            ({"ranking": [[0], [1], [2], []]}, "empty tie group"),
            ({"ranking": [[0], [1], [3]]}, "no index of one of the 3 responses"),
            ({"ranking": [[0], [1], [-1]]}, "no index"),
            ({"ranking": [[0], [1], [True]]}, "no index"),
            ({"ranking": "012"}, "expected a list"),
            ({"ranking": []}, "not placed"),
            ({"strength": 1}, "only for two responses"),
            ({"acceptable": [0]}, "above or beside"),
            ({"acceptable": [7]}, "no index"),
            ({"ratings": {"charm": [1, 1, 1]}}, "none of the project's criteria"),
            ({"ratings": {"correctness": [1, 1, 6]}}, "from 1 to 5"),
            ({"ratings": {"correctness": [1, 1]}}, "expected 3 numbers"),
            ({"edited": {"3": "x"}}, "edited"),
            ({"edited": {"²": "x"}}, "edited"),
            ({"reason": "\0"}, "U\\+0000"),
            ({"reason": "x" * 300_000}, "at most 256 kB"),
            ({"seconds": -1}, "seconds"),
            ({"seconds": float("nan")}, "no JSON value|number"),
            ({"source": "oracle"}, "source"),
        ],
    )
    def test_name_what_does_not_fit_and_change_nothing(self, slot, someone, said, sentence):
        with pytest.raises(InvalidJudgement, match=sentence):
            submit(slot, someone, **said)

        assert Slot.objects.get().state == Slot.State.LEASED
        assert (Judgement.objects.count(), Task.objects.get().filled) == (0, 0)

    def test_of_ties_where_the_project_allows_none(self, slot, someone, project):
        Project.objects.update(ties_allowed=False)

        with pytest.raises(InvalidJudgement, match="no ties"):
            submit(slot, someone)

    @pytest.mark.parametrize(("ranking", "strength"), [([[0, 1]], 1), ([[0], [1]], 4)])
    def test_of_a_strength_that_makes_no_sense(self, pair, someone, ranking, strength):
        with pytest.raises(InvalidJudgement, match="strength"):
            submit(pair, someone, ranking=ranking, strength=strength)

    def test_of_a_stranger_say_nothing_about_the_slot(self, slot, project):
        with pytest.raises(NotFound):
            submit(slot, member_of(project))
        with pytest.raises(NotFound):
            judgements.submit(10**30, by=member_of(project), submission_key=uuid.uuid4(), ranking=[])


class TestALostSlot:
    def refused(self, slot, someone, sentence):
        with pytest.raises(SlotLost, match=sentence):
            submit(slot, someone, reason="hours of work")
        assert leases.draft_of(slot, by=someone) == {"ranking": [[2], [0, 1]], "reason": "hours of work"}
        assert not Judgement.objects.filter(annotator=someone).exists()

    def test_taken_over_by_someone_else(self, slot, someone, project):
        run_out(slot)
        leases.claim(project, by=member_of(project))

        self.refused(slot, someone, "given to someone else")

    def test_filled_by_someone_else(self, slot, someone, project):
        run_out(slot)
        other = member_of(project)
        submit(leases.claim(project, by=other), other)

        self.refused(slot, someone, "given to someone else")

    def test_given_back(self, slot, someone):
        leases.skip(slot, by=someone, reason="")

        self.refused(slot, someone, "gave this task back")

    @pytest.mark.parametrize(("state", "sentence"), [("paused", "is paused"), ("ended", "has ended")])
    def test_of_a_project_that_stands_still(self, slot, someone, state, sentence):
        Project.objects.update(state=state)

        self.refused(slot, someone, sentence)

    def test_of_a_withdrawn_task(self, slot, someone):
        Task.objects.update(state=Task.State.WITHDRAWN)

        self.refused(slot, someone, "withdrawn")

    def test_of_a_person_who_is_no_member_any_more(self, slot, someone):
        Membership.objects.all().delete()

        self.refused(slot, someone, "no longer a member")

    def test_of_an_earlier_lease_of_the_same_person(self, slot, someone):
        Slot.objects.update(submission_key=uuid.uuid4())

        self.refused(slot, someone, "earlier lease")

    def test_that_they_filled_themselves_keeps_the_first_judgement(self, slot, someone):
        first = submit(slot, someone)

        with pytest.raises(SlotLost, match="already judged"):
            submit(slot, someone, submission_key=uuid.uuid4())
        assert Judgement.objects.get() == first
        assert not Draft.objects.exists()

    def test_of_a_task_judged_by_them_in_an_import(self, slot, someone):
        Judgement.objects.create(task=slot.task, annotator=someone, uid="x", ranking=[[0, 1, 2]], source="imported")

        with pytest.raises(SlotLost, match="already judged"):
            submit(slot, someone)
        slot.refresh_from_db()
        assert slot.state == Slot.State.LEASED


class TestComparisonsOf:
    @pytest.mark.parametrize(
        ("ranking", "pairs"),
        [
            ([], []),
            ([[0]], []),
            ([[1], [0]], [(1, 0, False)]),
            ([[0, 1]], [(0, 1, True)]),
            ([[2], [1, 0]], [(2, 0, False), (2, 1, False), (0, 1, True)]),
            ([[3], [0], [2]], [(3, 0, False), (3, 2, False), (0, 2, False)]),
        ],
    )
    def test_pairs_what_was_ranked(self, ranking, pairs):
        task = TaskFactory(size=4)
        responses = [position.response for position in task.positions.order_by("position")]
        made = judgements.comparisons_of(Judgement(ranking=ranking, strength=2), responses=responses)

        found = [(responses.index(c.winner), responses.index(c.loser), c.tie) for c in made]
        assert found == pairs
        assert all(c.strength == (None if c.tie else 2) for c in made)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


optional = (*sorted(answers.Said.__optional_keys__ - {"ranking"}), "source")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.fixed_dictionaries(
        {"ranking": json_values | st.permutations([[0], [1], [2]])}, optional=dict.fromkeys(optional, json_values)
    )
)
def test_no_field_brings_anything_but_a_sentence(slot, someone, said):
    sentence = ""
    try:
        submit(slot, someone, **said)
    except InvalidJudgement as error:
        sentence = str(error)

    judged = Judgement.objects.exists()
    assert judged != bool(sentence)
    if judged:
        Judgement.objects.all().delete()
        Task.objects.update(state=Task.State.OPEN, filled=0)
        Slot.objects.update(state=Slot.State.LEASED, filled_at=None, lease_expires_at=timezone.now())

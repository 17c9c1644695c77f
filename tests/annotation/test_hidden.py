from itertools import pairwise
from random import Random

import pytest

from annotation.actions import hidden, judgements, leases, tasks
from annotation.models import Annotator, Judgement, Project, Slot, Task
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    TaskFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    made: Project = ProjectFactory()
    return made


@pytest.fixture
def someone(project: Project) -> Annotator:
    annotator: Annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator


def gold(project: Project, *, purpose: str = Task.Purpose.GOLD) -> Task:
    prompt = PromptFactory(project=project)
    responses = ResponseFactory.create_batch(2, prompt=prompt)
    known = {"ranking": [[1], [0]], "explanation": "The first is wrong."}
    task, _ = tasks.create(project, prompt=prompt, responses=responses, overlap=1, purpose=purpose, known=known)
    return task


def at_rates(project: Project, **rates: float) -> None:
    Project.objects.filter(pk=project.pk).update(**rates)
    project.refresh_from_db()


def judge(slot: Slot, by: Annotator) -> Judgement:
    ranking = [[position] for position in sorted(slot.order)]
    return judgements.submit(slot.pk, by=by, submission_key=slot.submission_key, ranking=ranking)


def work(project: Project, by: Annotator, n: int) -> list[str]:
    """Purposes of the next `n` tasks as they came, with the one after it fetched ahead as the desk does."""
    met = []
    slot = leases.claim(project, by=by)
    for _ in range(n):
        assert slot is not None
        met.append(slot.task.purpose)
        following = leases.claim(project, by=by, ahead_of=slot)
        judge(slot, by)
        slot = following
    return met


class TestDraw:
    @pytest.mark.parametrize(("gold_rate", "repeat_rate"), [(0.1, 0), (0, 0.2), (0.05, 0.1), (0.25, 0.25)])
    def test_makes_hidden_tasks_the_share_of_all_that_was_asked_for(self, gold_rate, repeat_rate):
        chance, kinds, last = Random(4), [], None
        for _ in range(20_000):
            last = None if last else hidden.drawn(gold=gold_rate, repeat=repeat_rate, chance=chance.random())
            kinds.append(last)

        assert kinds.count("gold") / 20_000 == pytest.approx(gold_rate, abs=0.01)
        assert kinds.count("repeat") / 20_000 == pytest.approx(repeat_rate, abs=0.01)

    def test_takes_none_where_none_are_asked_for(self):
        assert hidden.drawn(gold=0, repeat=0, chance=0.0) is None

    @pytest.mark.parametrize("rate", [0.5, 1.0])
    def test_takes_one_after_each_ordinary_task_at_most(self, rate):
        assert hidden.drawn(gold=rate, repeat=0, chance=0.999) == "gold"


class TestGold:
    def test_comes_between_ordinary_tasks_and_never_twice_in_a_row(self, project, someone):
        TaskFactory.create_batch(8, project=project)
        for _ in range(5):
            gold(project)
        at_rates(project, gold_rate=0.9)

        met = work(project, someone, 8)

        assert met.count("gold") == 4
        assert all("label" in pair for pair in pairwise(met))

    def test_is_met_once_by_a_person_and_by_every_person(self, project, someone):
        TaskFactory.create_batch(8, project=project, overlap=2)
        task = gold(project)
        at_rates(project, gold_rate=0.9)
        other = AnnotatorFactory()
        MembershipFactory(project=project, user=other.user)

        assert [work(project, annotator, 6).count("gold") for annotator in (someone, other)] == [1, 1]
        task.refresh_from_db()
        assert (task.overlap, task.filled, task.state) == (2, 2, Task.State.DONE)

    def test_never_comes_when_nothing_else_waits(self, project, someone):
        gold(project)
        at_rates(project, gold_rate=1.0)

        assert leases.claim(project, by=someone) is None

    def test_needs_a_known_answer(self, project, someone):
        TaskFactory.create_batch(2, project=project)
        TaskFactory(project=project, purpose=Task.Purpose.GOLD)
        at_rates(project, gold_rate=1.0)

        assert work(project, someone, 2) == ["label", "label"]

    def test_never_comes_to_a_simulated_annotator(self, project):
        TaskFactory.create_batch(2, project=project)
        gold(project)
        at_rates(project, gold_rate=1.0)

        assert leases.claim(project, by=AnnotatorFactory(user=None)).task.purpose == Task.Purpose.LABEL

    def test_that_was_given_back_leaves_its_slot_to_the_next_person(self, project, someone):
        TaskFactory.create_batch(2, project=project, overlap=2)
        task = gold(project)
        at_rates(project, gold_rate=1.0)
        leases.skip(leases.claim(project, by=someone), by=someone, reason="")
        other = AnnotatorFactory()
        MembershipFactory(project=project, user=other.user)

        assert leases.claim(project, by=other).task == task
        assert leases.claim(project, by=someone).task != task
        assert task.slots.count() == 1


class TestFeedback:
    @pytest.mark.parametrize(("told", "purpose"), [(True, "gold"), (True, "qualification"), (False, "gold")])
    def test_is_given_only_where_the_project_says_so(self, project, someone, told, purpose):
        at_rates(project, gold_feedback=told)
        task = gold(project, purpose=purpose)
        judgement = Judgement(task=task, annotator=someone, ranking=[[1], [0]])

        expected = hidden.Feedback(right=True, known=[[1], [0]], explanation="The first is wrong.")
        assert hidden.feedback(judgement) == (expected if told else None)

    def test_says_when_the_answer_was_another(self, project, someone):
        at_rates(project, gold_feedback=True)
        feedback = hidden.feedback(Judgement(task=gold(project), annotator=someone, ranking=[[0, 1]]))

        assert feedback is not None
        assert not feedback.right

    def test_is_never_given_on_an_ordinary_task(self, project, someone):
        at_rates(project, gold_feedback=True)

        assert hidden.feedback(Judgement(task=TaskFactory(project=project), annotator=someone, ranking=[[0]])) is None


class TestRepeats:
    def judged_before(self, project: Project, someone: Annotator, n: int) -> list[Task]:
        TaskFactory.create_batch(n + 5, project=project)
        met = []
        for _ in range(n):
            slot = leases.claim(project, by=someone)
            assert slot is not None
            judge(slot, someone)
            met.append(slot.task)
        return met

    def test_ask_again_what_was_judged_some_time_ago_in_another_order(self, project, someone):
        met = self.judged_before(project, someone, 13)
        at_rates(project, repeat_rate=1.0)

        slot = leases.claim(project, by=someone)

        again, original = slot.task, slot.task.repeats
        assert again.purpose == Task.Purpose.REPEAT
        assert original in met[:3]
        assert again.prompt == original.prompt
        assert list(again.positions.values_list("position", "response")) == list(
            original.positions.values_list("position", "response")
        )
        assert slot.order != original.slots.get().order
        assert again.key == f"repeat:{original.key}:{someone.name}"

    def test_take_the_oldest_while_there_are_few_and_none_right_after(self, project, someone):
        at_rates(project, repeat_rate=0)
        first, *_ = self.judged_before(project, someone, 2)
        at_rates(project, repeat_rate=1.0)
        slot = leases.claim(project, by=someone)
        assert slot.task.purpose == Task.Purpose.LABEL
        judge(slot, someone)

        assert leases.claim(project, by=someone).task.repeats == first

    def test_ask_for_a_task_once_at_most(self, project, someone):
        self.judged_before(project, someone, 3)
        at_rates(project, repeat_rate=1.0)
        slot = leases.claim(project, by=someone)
        judge(slot, someone)
        judge(leases.claim(project, by=someone), someone)

        # The oldest of four is the one that was asked again: nothing else is old enough.
        assert leases.claim(project, by=someone).task.purpose == Task.Purpose.LABEL
        assert Task.objects.filter(purpose=Task.Purpose.REPEAT).count() == 1

    def test_go_to_nobody_else_when_left_or_given_back(self, project, someone):
        self.judged_before(project, someone, 3)
        at_rates(project, repeat_rate=1.0)
        slot = leases.claim(project, by=someone)
        repeat = slot.task
        other = AnnotatorFactory()
        MembershipFactory(project=project, user=other.user)
        Slot.objects.filter(pk=slot.pk).update(lease_expires_at=slot.leased_at)

        assert leases.claim(project, by=other).task.purpose == Task.Purpose.LABEL
        assert leases.claim(project, by=someone) == slot
        leases.skip(slot, by=someone, reason="again?")
        assert leases.claim(project, by=other).task != repeat
        assert leases.claim(project, by=someone).task != repeat
        repeat.refresh_from_db()
        assert repeat.state == Task.State.WITHDRAWN

    def test_of_a_task_with_a_long_key_have_a_key_that_fits(self, project, someone):
        self.judged_before(project, someone, 3)
        for task in Task.objects.filter(filled=1):
            Task.objects.filter(pk=task.pk).update(key=f"{task.pk:x>190}")
        at_rates(project, repeat_rate=1.0)

        again = leases.claim(project, by=someone).task

        assert again.key.startswith("repeat:")
        assert len(again.key) <= 200

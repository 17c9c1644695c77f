"""Rows that bring what a task must know of itself: its answer, and whom it is for."""

import pytest

from annotation.actions import hidden, imports, leases
from annotation.formats import rows
from annotation.models import Annotator, Judgement, Policy, Project, Slot, Task
from tests.annotation.test_leases import member_of
from tests.factories import ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db

GOLD = {
    "id": "gold-1",
    "prompt": "Which?",
    "responses": ["a", "b"],
    "purpose": "gold",
    "known": {"ranking": [[1], [0]], "explanation": "b is true."},
    "audience": {"skills": ["lang:de"], "groups": [" night ", "night"]},
}


@pytest.fixture
def project() -> Project:
    return ProjectFactory()


def brought(project: Project, *records: dict[str, object]) -> list[str]:
    """Why rows were refused."""
    refused: list[str] = []
    imports.import_rows(
        map(rows.parse, records), project=project, by=None, on_reject=lambda _record, reason: refused.append(reason)
    )
    return refused


def test_a_known_answer_makes_a_task_without_places(project):
    assert brought(project, GOLD) == []

    task = Task.objects.get()
    assert (task.key, task.purpose, task.known) == ("gold-1", "gold", GOLD["known"])
    assert (task.audience.groups, task.audience.skills, task.audience.people) == (["night"], ["lang:de"], [])
    assert (task.positions.count(), Slot.objects.count(), task.filled) == (2, 0, 0)


def test_it_is_given_out_like_any_gold_task_also_when_it_came_in_judged(project):
    said = [{"annotator": name, "ranking": [[1], [0]]} for name in ("x", "y")]
    brought(project, {**GOLD, "audience": None, "judgements": said})

    slot = hidden.gold_slot(project, by=member_of(project), audiences=[])

    assert slot is not None
    assert (slot.task.key, Judgement.objects.count()) == ("gold-1", 2)


def test_it_is_known_when_it_comes_again(project):
    brought(project, GOLD)

    assert brought(project, GOLD) == []
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"known": {"ranking": [[0], [1]]}}, "known: the task of this row has another one; it is kept"),
        ({"audience": {"groups": ["day"]}}, "audience: the task of this row has another one; it is kept"),
        ({"audience": {"people": ["nobody"]}}, "there is no annotator 'nobody'"),
    ],
)
def test_another_answer_or_audience_is_refused_and_what_is_known_stays(project, changed, sentence):
    brought(project, GOLD)

    (reason,) = brought(project, {**GOLD, **changed})

    assert sentence in reason
    assert Task.objects.get().known == GOLD["known"]


def test_an_audience_may_name_people_by_their_pseudonym(project):
    Annotator.objects.create(name="anon-1")

    assert brought(project, {**GOLD, "audience": {"people": ["anon-1"]}}) == []
    assert Task.objects.get().audience.people == ["anon-1"]


def test_rows_without_judgements_or_known_answer_become_no_task(project):
    brought(project, {"prompt": "Which?", "responses": ["a", "b"], "purpose": "gold"})

    assert (Task.objects.count(), Policy.objects.count()) == (0, 1)


def test_an_answer_of_ones_own_is_a_judgement_of_a_prompt_without_responses(project):
    assert brought(project, {"prompt": "Write.", "judgements": [{"annotator": "x", "written": "I did."}]}) == []

    judgement = Judgement.objects.get()
    assert (judgement.ranking, judgement.written, judgement.task.state) == ([], "I did.", Task.State.DONE)


def test_imported_flags_of_any_shape_do_not_trouble_the_desk(project):
    someone = member_of(project)
    brought(project, {"prompt": "Which?", "responses": ["a", "b"], "judgements": [{"ranking": [[0]], "flags": [1]}]})
    TaskFactory(project=project)

    assert leases.claim(project, by=someone).task.judgements.count() == 0
    assert Judgement.objects.get().flags == [1]

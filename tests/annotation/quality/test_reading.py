"""Judgements as arrays: which are read, and what stands where."""

from datetime import UTC, datetime

import numpy as np
import pytest

from annotation.actions.quality import reading
from annotation.actions.quality.gathering import gathered
from annotation.models import Annotator, Exclusion, Judgement
from tests.annotation.released import judge, judged
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    return ProjectFactory(slug="qa")


def labels(project, voices: str = "people") -> reading.Read:  # type: ignore[no-untyped-def]
    return reading.read(reading.labels(project, voices=voices))


def test_a_ranking_becomes_the_tie_group_of_each_position(project):
    judged(project, key="a", ranking=[[2], [0]], annotators=("ann",))

    assert labels(project).said.ranks.tolist() == [[1, -1, 0]]


def test_an_order_shown_becomes_the_place_of_each_position(project):
    judged(project, key="a", ranking=[[0], [1], [2]], shown=[2, 0, 1])

    assert labels(project).said.shown.tolist() == [[1, 2, 0]]


def test_what_is_not_known_is_said_so(project):
    judged(project, key="a", ranking=[[0], [1]], texts=("one", "two"))

    said = labels(project).said
    assert np.isnan([said.at[0], said.seconds[0]]).all()
    assert said.guidelines.tolist() == [0]
    assert said.shown.tolist() == [[-1, -1]]


def test_times_are_seconds_since_1970(project):
    judged(project, key="a", ranking=[[0], [1]], at=datetime(1970, 1, 2, tzinfo=UTC), seconds=3.5)

    said = labels(project).said
    assert (said.at.tolist(), said.seconds.tolist()) == ([86_400], [3.5])


def test_tasks_and_people_are_named_by_their_keys(project):
    first = judged(project, key="a", ranking=[[0], [1]], annotators=("ann", "ben"))
    second = judged(project, key="b", ranking=[[0], [1]], annotators=("ben",))

    found = labels(project)
    assert found.said.task_ids[found.said.tasks].tolist() == [first.pk, first.pk, second.pk]
    assert [found.said.names[person] for person in found.said.annotators] == ["ann", "ben", "ben"]
    keys = Annotator.objects.filter(pk__in=found.annotator_ids.tolist()).order_by("pk")
    assert [annotator.name for annotator in keys] == list(found.said.names)


def test_only_what_holds_today_is_read(project):
    task = judged(project, key="a", ranking=[[0], [1]], annotators=())
    newer = judge(task, by="ann", ranking=[[1], [0]], revision=1)
    judge(task, by="ann", ranking=[[0], [1]], revised_by=newer)

    assert labels(project).keys.tolist() == [newer.pk]


def test_excluded_judgements_are_left_out_until_they_are_let_in_again(project):
    judged(project, key="a", ranking=[[0], [1]], annotators=("ann", "ben"))
    exclusion = Exclusion.objects.create(judgement=Judgement.objects.first(), reason="spam")
    left = len(labels(project).said)

    exclusion.lifted_at = datetime(2026, 1, 1, tzinfo=UTC)
    exclusion.save()

    assert (left, len(labels(project).said)) == (1, 2)


@pytest.mark.parametrize(("voices", "names"), [("people", ("ann", "ben")), ("simulated", ("sim",)), ("ai", ("ai",))])
def test_voices_are_read_apart(project, voices, names):
    for name, source in (("ann", "human"), ("ben", "imported"), ("sim", "simulated"), ("ai", "ai")):
        judged(project, key=name, ranking=[[0], [1]], annotators=(name,), source=source)

    assert labels(project, voices).said.names == names


@pytest.mark.parametrize("purpose", ["gold", "qualification", "repeat"])
def test_tasks_about_people_are_no_labels(project, purpose):
    judged(project, key="a", ranking=[[0], [1]], task={"purpose": purpose})

    assert len(labels(project).said) == 0


def test_nothing_at_all_is_read_as_nothing(project):
    facts = gathered(project, voices="people")

    assert (len(facts.said), facts.answers.names, facts.ratings, facts.known) == (0, (), {}, [])


def test_answers_have_their_policy_and_length(project):
    judged(project, key="a", ranking=[[1], [0]], texts=("one", "three"), policies=("p", "q"))
    judged(project, key="b", ranking=[[0]], texts=("fifteen",), policies=("q",))

    answers = gathered(project, voices="people").answers
    assert [[answers.names[i] if i >= 0 else None for i in row] for row in answers.policies] == [
        ["p", "q"],
        ["q", None],
    ]
    assert answers.lengths[0].tolist() == [3, 5]
    assert answers.lengths[1][0] == 7
    assert np.isnan(answers.lengths[1][1])


def test_ratings_stand_by_criterion_one_an_answer(project):
    judged(project, key="a", ranking=[], ratings={"tone": [4, 2], "care": [1, 5]}, texts=("one", "two"))
    judged(project, key="b", ranking=[[0], [1]], texts=("one", "two"))

    ratings = gathered(project, voices="people").ratings
    assert list(ratings) == ["care", "tone"]
    assert ratings["tone"].values.tolist() == [4, 2]
    assert (ratings["tone"].judgements.tolist(), ratings["tone"].positions.tolist()) == ([0, 0], [0, 1])


def test_tags_name_their_tasks(project):
    for key, tags in (("a", ["x"]), ("b", ["x", "y"]), ("c", [])):
        judged(project, key=key, ranking=[[0], [1]], task={"tags": tags})

    tags = gathered(project, voices="people").tags
    assert {tag: tasks.tolist() for tag, tasks in tags.items()} == {"x": [0, 1], "y": [1]}


def test_those_whom_an_import_had_no_name_for_are_told_apart(project):
    judged(project, key="a", ranking=[[0], [1]], annotators=("unnamed-0", "ann"))

    facts = gathered(project, voices="people")
    assert {name: bool(named) for name, named in zip(facts.said.names, facts.named, strict=True)} == {
        "unnamed-0": False,
        "ann": True,
    }
    assert len(facts.by_named) == 1


def test_known_answers_count_as_first_said(project):
    task = judged(
        project,
        key="g",
        ranking=[],
        annotators=(),
        texts=("one", "two"),
        task={"purpose": "gold", "known": {"ranking": [[0], [1]], "explanation": ""}},
    )
    newer = judge(task, by="ann", ranking=[[0], [1]], revision=1)
    first = judge(task, by="ann", ranking=[[1], [0]], revised_by=newer)

    (check,) = gathered(project, voices="people").known
    assert (check.key, check.right, check.pairs) == (first.pk, 0, 1)


def test_what_was_excluded_is_no_first_answer_either(project):
    first = judged(project, key="a", ranking=[[0], [1]], annotators=("ann",), texts=("one", "two"))
    again = {"purpose": "repeat", "repeats": first}
    judged(project, key="r", ranking=[[0], [1]], annotators=("ann",), texts=("one", "two"), task=again)
    Exclusion.objects.create(judgement=first.judgements.get(), reason="spam")

    assert gathered(project, voices="people").repeats == []


def test_a_repeat_is_held_against_what_the_same_person_said_first(project):
    first = judged(project, key="a", ranking=[[0], [1]], annotators=("ann", "ben"), texts=("one", "two"))
    again = {"purpose": "repeat", "repeats": first}
    judged(project, key="r", ranking=[[0, 1]], annotators=("ann",), texts=("one", "two"), task=again)
    judged(project, key="s", ranking=[[0], [1]], annotators=("cay",), texts=("one", "two"), task=again)

    (check,) = gathered(project, voices="people").repeats
    assert (check.right, check.pairs) == (0.5, 1)

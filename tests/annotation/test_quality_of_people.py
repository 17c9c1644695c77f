"""What reviewers read of a person, measured from real rows: pace, known answers and repeats as first said, skips."""

from typing import Any

import pytest

from annotation.actions import reviews
from annotation.actions.quality.measuring import measure
from annotation.models import Annotator, AnnotatorMeasure, Project, Skip, Task
from annotation.stats.intervals import Cluster, clustered_wilson
from tests.annotation.review_rows import said
from tests.factories import AnnotatorFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db
ORDER = [[0], [1], [2]]


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo support")


@pytest.fixture
def annotator(project) -> Annotator:
    """With one label, so that there is a row."""
    annotator = AnnotatorFactory()
    said(TaskFactory(project=project), ORDER, by=annotator)
    return annotator


def found(project: Project, annotator: Annotator) -> dict[str, Any]:
    return dict(AnnotatorMeasure.objects.get(measurement=measure(project), annotator=annotator).content)


def known_task(project: Project, *, purpose: str = "gold") -> Task:
    return TaskFactory(project=project, purpose=purpose, known={"ranking": [[0], [1, 2]], "explanation": "A."})


def test_pace_is_a_median_with_its_n_and_a_share_of_fast_ones(project):
    slow, quick = AnnotatorFactory(), AnnotatorFactory()
    for _ in range(20):
        said(TaskFactory(project=project), ORDER, by=slow, seconds=50)
    for seconds in (2.0, 3.0, *range(60, 68)):
        said(TaskFactory(project=project), ORDER, by=quick, seconds=seconds)
    pace = found(project, quick)["pace"]
    assert (pace["median"], pace["n"], pace["fast"]["value"], pace["fast"]["n"]) == (62.5, 10, 0.2, 10)
    interval = clustered_wilson([Cluster(fast, 1) for fast in (1, 1, 0, 0, 0, 0, 0, 0, 0, 0)])
    assert (pace["fast"]["low"], pace["fast"]["high"]) == pytest.approx(tuple(interval))
    assert found(project, slow)["pace"]["fast"]["value"] == 0


def test_known_pairs_count_what_was_said_first(project, annotator):
    for ranking in [ORDER] * 3 + [[[1], [0], [2]], [[2], [1], [0]]]:
        said(known_task(project), ranking, by=annotator)
    task = known_task(project, purpose="qualification")
    better = said(task, ORDER, by=annotator, revision=1)
    said(task, [[1], [2], [0]], by=annotator, revised_by=better)
    known = found(project, annotator)["known"]
    # Two known pairs a task, A before B and A before C: 2, 2, 2, 1, 0 and first 0.
    assert (known["value"], known["n"], known["groups"]) == (pytest.approx(7 / 12), 12, 6)
    interval = clustered_wilson([Cluster(right, 2) for right in (0, 0, 1, 2, 2, 2)])
    assert (known["low"], known["high"]) == pytest.approx(tuple(interval))


def test_repeats_are_compared_with_what_the_same_person_said_before(project, annotator):
    for number in range(5):
        first = TaskFactory(project=project)
        said(first, [[2], [1], [0]])
        said(first, ORDER, by=annotator)
        again = TaskFactory(project=project, purpose="repeat", repeats=first, prompt=first.prompt)
        said(again, ORDER if number else [[0, 1], [2]], by=annotator)
    repeats = found(project, annotator)["repeats"]
    assert (repeats["value"], repeats["n"]) == (pytest.approx(14.5 / 15), 15)


def test_too_little_to_say_a_share_says_so(project, annotator):
    said(known_task(project), ORDER, by=annotator)
    assert found(project, annotator)["known"]["missing"].startswith("not enough")


def test_skips_are_counted_but_not_the_price_of_reviewing(project, annotator):
    Skip.objects.create(task=TaskFactory(project=project), annotator=annotator)
    Skip.objects.create(task=TaskFactory(project=project), annotator=annotator, reason=reviews.READ)
    assert found(project, annotator)["skips"] == 1


def test_simulated_annotators_are_nobody_among_people(project, annotator):
    simulated = AnnotatorFactory(user=None)
    said(TaskFactory(project=project), ORDER, by=simulated, source="simulated")
    measured = measure(project).annotators
    assert [row.annotator for row in measured.all()] == [annotator]

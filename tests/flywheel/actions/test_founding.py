import pytest

from annotation.models import AuditEvent, Release
from flywheel.actions import founding
from flywheel.exceptions import NotReady
from tests.factories import ProjectFactory
from tests.flywheel.doubles import generation, project_with_corpus

pytestmark = pytest.mark.django_db


def test_the_first_generation_is_trained_on_the_demonstrations_and_promoted(trainer):
    project = project_with_corpus(questions=3)
    first = founding.found(project, base="tiny")
    assert (first.number, first.state, first.parent) == (0, "promoted", None)
    assert trainer.trained_kinds == ["sft"]
    assert first.artifact.run.release_hash == Release.objects.get().hash
    assert AuditEvent.objects.filter(verb="generation promoted").count() == 1


def test_what_is_promoted_already_stays_the_first(trainer):
    project = project_with_corpus(questions=3)
    present = generation(project, state="promoted")
    assert founding.found(project, base="tiny") == present
    assert trainer.trained_kinds == []


def test_without_anything_to_learn_from_a_base_that_answers_becomes_the_first(trainer):
    first = founding.found(ProjectFactory(), base="/weights/some-model")
    assert (first.artifact, first.policy.location) == (None, "/weights/some-model")
    assert trainer.trained_kinds == []


def test_the_tiny_base_knows_nothing_by_itself(trainer):
    project = ProjectFactory()
    with pytest.raises(NotReady, match="import demonstrations"):
        founding.found(project, base="tiny")
    assert not project.generations.exists()

"""What a person names on a command line is found, also when no turn has made a generation of it."""

import pytest

from annotation.models import Policy
from flywheel.actions import policies
from flywheel.exceptions import NotFound
from tests.factories import PolicyFactory
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db


def artifact(name: str = "p1", kind: str = "policy") -> Artifact:
    run = Run.objects.create(name=f"run-of-{name}", kind="ppo", directory="/nowhere", base="tiny", seed=17)
    return Artifact.objects.create(name=name, kind=kind, path=f"/nowhere/{name}", sha256="ab" * 32, run=run)


@pytest.mark.parametrize("name", ["p1", "run-of-p1"])
def test_what_a_run_trained_is_a_policy_that_can_answer(name: str) -> None:
    made = artifact()
    found = policies.named(name)
    assert (found.name, found.kind, found.location) == ("p1", Policy.Kind.MODEL, made.path)
    assert policies.named(name) == found
    assert Policy.objects.count() == 1


def test_a_policy_of_that_name_that_came_with_an_import_is_another_one() -> None:
    imported = PolicyFactory(name="p1", location="")
    artifact()
    assert policies.named("p1") == imported
    assert policies.named("run-of-p1").name == "p1-abababab"


def test_a_reward_model_answers_nothing() -> None:
    artifact("judge", kind="reward_model")
    with pytest.raises(NotFound, match="There is no policy 'judge'"):
        policies.named("judge")

"""The next command after a policy was trained."""

import pytest

from training.management import queue
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db


def run(**report: object) -> Run:
    found = Run.objects.create(name="r", kind="ppo", directory="/nowhere", base="tiny", seed=17, report=report)
    Artifact.objects.create(name="p1", kind="policy", path="/nowhere/model", run=found)
    return found


def test_a_new_policy_is_to_answer_and_to_be_compared() -> None:
    assert list(queue.next_steps(run(held_out={"best": {"step": 4}}))) == [
        "Next: manage.py sample --policy p1 --project P -n 1",
        "Then: manage.py push_generation --policy p1 --project P",
    ]


def test_a_base_that_was_kept_is_not_compared_with_itself() -> None:
    assert list(queue.next_steps(run(held_out={"best": {"step": 0}}))) == []

"""What the database refuses whatever the code does."""

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.models import Comparison, Judgement, Project, Response, Slot, Task, TaskResponse
from tests.factories import AnnotatorFactory, PromptFactory, ResponseFactory, TaskFactory, lease

pytestmark = pytest.mark.django_db


@pytest.fixture
def task():
    return TaskFactory(overlap=2)


@pytest.fixture
def judgement(task):
    slot = lease(task.slots.first(), AnnotatorFactory())
    return Judgement.objects.create(
        task=task, slot=slot, annotator=slot.annotator, uid="1", ranking=[[0, 1, 2]], submission_key=uuid.uuid4()
    )


def refused(write):
    with pytest.raises(IntegrityError), transaction.atomic():
        write()


def test_two_slots_of_one_task_for_one_annotator(task):
    first, second = task.slots.all()
    lease(first, AnnotatorFactory())

    refused(lambda: lease(second, first.annotator))


@pytest.mark.parametrize(
    "state",
    [
        {"state": "filled"},
        {"state": "leased"},
        {"state": "leased", "lease_expires_at": timezone.now()},
        {"state": "open", "lease_expires_at": timezone.now()},
        {"state": "open", "filled_at": timezone.now()},
        {"state": "lost"},
    ],
)
def test_a_slot_whose_state_contradicts_itself(task, state):
    refused(lambda: Slot.objects.filter(pk=task.slots.first().pk).update(**state))


def test_a_task_filled_more_often_than_its_overlap(task):
    refused(lambda: Task.objects.update(filled=3))


def test_a_second_judgement_on_a_slot(judgement):
    refused(
        lambda: Judgement.objects.create(
            task=judgement.task, slot=judgement.slot, annotator=AnnotatorFactory(), uid="2", ranking=[]
        ),
    )


@pytest.mark.parametrize("revision", [0, 1])
def test_a_second_current_judgement_of_an_annotator(judgement, revision):
    refused(
        lambda: Judgement.objects.create(
            task=judgement.task, annotator=judgement.annotator, uid="2", ranking=[], revision=revision
        ),
    )


def test_a_submission_key_used_twice(judgement):
    refused(
        lambda: Judgement.objects.create(
            task=TaskFactory(),
            annotator=judgement.annotator,
            uid="2",
            ranking=[],
            submission_key=judgement.submission_key,
        ),
    )


def test_a_strength_out_of_range(judgement):
    refused(lambda: Judgement.objects.update(strength=4))


def test_a_comparison_of_a_response_with_itself(judgement):
    response = judgement.task.responses.first()

    refused(
        lambda: Comparison.objects.create(judgement=judgement, winner=response, loser=response),
    )


def test_a_task_with_one_response_twice(task):
    response = task.responses.first()

    refused(lambda: TaskResponse.objects.create(task=task, response=response, position=7))


def test_a_key_used_twice_in_a_project(task):
    refused(lambda: TaskFactory(project=task.project, key=task.key))


def test_equal_prompts_and_equal_responses():
    response = ResponseFactory()
    prompt = response.prompt

    refused(lambda: PromptFactory(project=prompt.project, messages=prompt.messages))
    refused(lambda: Response(prompt=prompt, policy=response.policy, text=response.text).save())


@pytest.mark.parametrize(
    "setting",
    [
        {"overlap": 3, "most_overlap": 2},
        {"sureness": 0.4},
        {"sureness": 1.1},
        {"alert_agreement": 1.1},
        {"alert_known": -0.1},
    ],
)
def test_a_project_that_asks_for_what_cannot_be(task, setting):
    refused(lambda: Project.objects.filter(pk=task.project_id).update(**setting))

"""Rows for tests."""

from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth.models import User
from django.utils import timezone

from annotation.models import (
    Annotator,
    Membership,
    Policy,
    Project,
    Prompt,
    Response,
    Slot,
    Task,
    TaskResponse,
)

PASSWORD = "correct-horse-battery"


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence("person{}".format)
    password = factory.django.Password(PASSWORD)


class ProjectFactory(factory.django.DjangoModelFactory[Project]):
    class Meta:
        model = Project

    slug = factory.Sequence("project-{}".format)
    name = factory.LazyAttribute(lambda project: project.slug.title())


class MembershipFactory(factory.django.DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory)


class AnnotatorFactory(factory.django.DjangoModelFactory[Annotator]):
    class Meta:
        model = Annotator

    user = factory.SubFactory(UserFactory)


class PolicyFactory(factory.django.DjangoModelFactory[Policy]):
    class Meta:
        model = Policy

    name = factory.Sequence("policy-{}".format)
    kind = Policy.Kind.MODEL


class PromptFactory(factory.django.DjangoModelFactory[Prompt]):
    class Meta:
        model = Prompt

    project = factory.SubFactory(ProjectFactory)
    messages = factory.Sequence(lambda n: [{"role": "user", "content": f"Question {n}?"}])


class ResponseFactory(factory.django.DjangoModelFactory[Response]):
    class Meta:
        model = Response

    prompt = factory.SubFactory(PromptFactory)
    policy = factory.SubFactory(PolicyFactory)
    text = factory.Sequence("Answer {}.".format)


class TaskFactory(factory.django.DjangoModelFactory[Task]):
    """A task in the queue, with `size` responses and its open slots."""

    class Meta:
        model = Task
        skip_postgeneration_save = True

    project = factory.SubFactory(ProjectFactory)
    prompt = factory.SubFactory(PromptFactory, project=factory.SelfAttribute("..project"))
    key = factory.Sequence("task-{}".format)

    @factory.post_generation
    def size(self: Task, create: bool, extracted: int | None, **kwargs: Any) -> None:  # type: ignore[misc]
        for position in range(3 if extracted is None else extracted):
            TaskResponse.objects.create(task=self, response=ResponseFactory(prompt=self.prompt), position=position)
        for number in range(1, self.overlap + 1):
            Slot.objects.create(task=self, number=number)


def lease(slot: Slot, annotator: Annotator, *, minutes: float = 30) -> Slot:
    """Put the slot into the annotator's hands; negative minutes make the lease expired."""
    slot.state = Slot.State.LEASED
    slot.annotator = annotator
    slot.leased_at = timezone.now()
    slot.lease_expires_at = timezone.now() + timedelta(minutes=minutes)
    slot.order = list(range(slot.task.positions.count()))
    slot.save()
    return slot


def member_of(project: Project) -> Annotator:
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator


def run_out(slot: Slot) -> None:
    Slot.objects.filter(pk=slot.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    slot.refresh_from_db()


def fill(slot: Slot) -> None:
    Slot.objects.filter(pk=slot.pk).update(state=Slot.State.FILLED, lease_expires_at=None, filled_at=timezone.now())

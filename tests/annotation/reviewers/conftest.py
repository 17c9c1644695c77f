"""A project, somebody who reviews it, and their browser."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.models import Project
from tests.factories import MembershipFactory, ProjectFactory


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo support")


@pytest.fixture
def reviewer(project) -> User:
    return MembershipFactory(project=project, role="reviewer").user


@pytest.fixture
def client(reviewer) -> Client:
    client = Client()
    client.force_login(reviewer)
    return client

"""Who measures a project: one process at a time, and nobody for good."""

import os
import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.actions.quality import claims, measuring
from annotation.actions.quality.state import states
from annotation.exceptions import MeasuredElsewhere
from annotation.models import Measurement
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():  # type: ignore[no-untyped-def]
    return ProjectFactory(slug="qa")


def test_two_processes_are_never_at_one_project(project):
    measurement = Measurement.objects.create(project=project)

    with claims.claimed(measurement), pytest.raises(MeasuredElsewhere, match="another process"):
        measuring.measure(project)


def test_a_claim_of_this_very_process_is_of_one_before_it(project):
    soon = timezone.now() + timedelta(minutes=1)
    before = f"{socket.gethostname()} {os.getpid()} x"
    Measurement.objects.create(project=project, claim=before, claimed_until=soon)

    assert measuring.measure(project).measured_at is not None


def test_a_claim_ends_with_the_work(project):
    measuring.measure(project)

    assert Measurement.objects.get().claim == ""


def test_a_claim_that_ran_out_is_nobodys(project):
    late = timezone.now() - timedelta(seconds=1)
    Measurement.objects.create(project=project, claim="elsewhere 1 x", claimed_until=late)

    assert measuring.measure(project).measured_at is not None


def test_the_claim_of_a_process_that_runs_elsewhere_holds(project):
    soon = timezone.now() + timedelta(minutes=1)
    Measurement.objects.create(project=project, claim="elsewhere 1 x", claimed_until=soon)

    with pytest.raises(MeasuredElsewhere):
        measuring.measure(project)


def test_whoever_lost_the_claim_keeps_nothing(project):
    measurement = Measurement.objects.create(project=project)
    seen = states(project)[Measurement.Voices.PEOPLE]
    found = measuring.Found(content={"progress": {"judgements": 7}})

    with claims.claimed(measurement) as claim:
        Measurement.objects.update(claim="another")
        with pytest.raises(MeasuredElsewhere, match="left to it"):
            measuring.store(found, claim=claim, state=seen, began=timezone.now())

    assert Measurement.objects.get().content == {}

import getpass
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from annotation.models import AuditEvent, Policy
from flywheel.actions import generations
from flywheel.exceptions import NotReady
from flywheel.models import Generation
from tests.factories import PolicyFactory, ProjectFactory, UserFactory
from tests.flywheel.doubles import generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory(slug="here")


def states(project):
    return dict(project.generations.values_list("number", "state"))


def test_a_generation_that_somebody_decided_about_meanwhile_is_not_promoted(project):
    generation(project, state="promoted")
    made = generation(project)
    stale = Generation.objects.get(pk=made.pk)
    assert generations.reject(made, reason="a person said no")
    with pytest.raises(NotReady, match="at the same moment"):
        generations.make_incumbent(stale)
    assert states(project) == {0: "promoted", 1: "rejected"}


def test_a_rejection_never_overwrites_a_promotion_made_meanwhile(project):
    generation(project, state="promoted")
    made = generation(project)
    stale = Generation.objects.get(pk=made.pk)
    generations.make_incumbent(made)
    assert not generations.reject(stale, reason="its gates")
    assert states(project) == {0: "retired", 1: "promoted"}
    assert not AuditEvent.objects.filter(verb="generation rejected").exists()


def test_two_that_take_the_same_number_end_in_a_sentence(project, monkeypatch):
    generation(project, state="promoted")
    monkeypatch.setattr(generations, "next_number", lambda project: 0)  # what a slower process has read
    with pytest.raises(NotReady, match="at the same moment"):
        generations.add(project, artifact=None, location="weights")
    with pytest.raises(NotReady, match="at the same moment"):
        generations.adopt(project, policy=PolicyFactory())
    assert Policy.objects.filter(name__startswith="here-g").count() == 1


def test_names_that_an_import_took_are_passed_over(project):
    PolicyFactory(name="here-g0")
    PolicyFactory(name="here-g0.2")
    assert generation(project).policy.name == "here-g0.3"


def test_from_a_shell_the_trail_names_the_user_of_the_machine(project):
    generation(project, state="promoted")
    generation(project)
    generations.promote(project, force=True, reason="a test")
    event = AuditEvent.objects.get(verb="generation promoted")
    assert (event.by, event.detail["shell_user"]) == (None, getpass.getuser())
    person = UserFactory()
    generations.rollback(project, by=person)
    event = AuditEvent.objects.get(verb="generation rolled back")
    assert event.by == person
    assert "shell_user" not in event.detail


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time")
def test_of_two_promotions_at_once_one_holds_and_the_other_is_a_sentence_or_retired(project):
    generation(project, state="promoted")
    numbers = [generation(project).number for _ in range(4)]
    together = Barrier(len(numbers))

    def promote(number):
        together.wait(timeout=30)
        try:
            return generations.promote(project, number=number, force=True, reason="a race").number
        except NotReady as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(numbers)) as pool:
        outcomes = list(pool.map(promote, numbers))
    assert list(states(project).values()).count("promoted") == 1
    assert any(isinstance(outcome, int) for outcome in outcomes)
    assert all(isinstance(outcome, int) or "at the same moment" in outcome for outcome in outcomes)

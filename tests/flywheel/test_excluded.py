"""What was excluded decides nothing in the loop, and the loop's pages say so."""

import pytest
from django.test import Client

from annotation.actions import exclusions, releases
from annotation.models import Judgement, Project
from flywheel.actions import votes
from flywheel.actions.stages import fresh_judgements
from tests.annotation.released import judged
from tests.factories import MembershipFactory, ProjectFactory
from tests.flywheel.doubles import challenge_tasks, generation, member, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", overlap=1)


@pytest.fixture
def reviewer(project) -> Client:
    client = Client()
    client.force_login(MembershipFactory(project=project, role="reviewer").user)
    return client


def exclude(project: Project) -> None:
    rows = Judgement.objects.filter(task__project=project)
    exclusions.exclude(project, judgements=rows, reason="Spam of a bot.", by=None)


def test_a_vote_between_two_models_that_was_excluded_is_none(project):
    generation(project, state="promoted")
    candidate = generation(project)
    challenge_tasks(project, candidate, count=3)
    vote(project, candidate, by=member(project), wins=3)
    exclude(project)
    assert votes.standing(candidate).votes == 0


def test_what_was_excluded_starts_no_turn(project):
    judged(project, key="1", ranking=[[0], [1], [2]])
    exclude(project)
    assert not fresh_judgements(project, sources=["human"]).exists()


def test_the_page_of_a_judgement_says_since_when_and_why(project, reviewer):
    judged(project, key="1", ranking=[[0], [1], [2]])
    page = f"/flywheel/lumo/judgements/{Judgement.objects.get().uid}/"
    exclude(project)
    assert "it counts no more and is in no later release: Spam of a bot." in reviewer.get(page).content.decode()
    exclusions.lift(project, judgements=Judgement.objects.all(), by=None)
    assert "It did not count from" in reviewer.get(page).content.decode()


def test_the_page_of_a_judgement_says_that_it_was_withdrawn(project, reviewer):
    judged(project, key="1", ranking=[[0], [1], [2]])
    one = Judgement.objects.get()
    exclusions.withdraw(project, annotator=one.annotator, by=None)
    html = reviewer.get(f"/flywheel/lumo/judgements/{one.uid}/").content.decode()
    assert "in no later release: the person behind it asked to be forgotten." in html


def test_the_page_of_an_annotator_counts_and_marks_them(project, reviewer):
    judged(project, key="1", ranking=[[0], [1], [2]], annotators=("anon-1",))
    exclude(project)
    html = reviewer.get("/flywheel/lumo/annotators/anon-1/").content.decode()
    assert "1 judgement counts no more: it is in no later release." in html
    assert "excluded</span>" in html


def test_the_page_of_a_release_says_what_was_left_out_and_what_was_excluded_since(project, reviewer):
    judged(project, key="1", ranking=[[0], [1], [2]])
    exclude(project)
    judged(project, key="2", ranking=[[0], [1], [2]])
    release = releases.export(project)
    page = f"/projects/lumo/releases/{release.name}/"
    assert "1 excluded judgement was left out of it." in reviewer.get(page).content.decode()
    exclude(project)
    assert "1 judgement in it was excluded since, and is in no later one." in reviewer.get(page).content.decode()

import pytest

from flywheel.actions import selection
from tests.factories import ProjectFactory, PromptFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    project = ProjectFactory()
    for _ in range(6):
        PromptFactory(project=project)
    return project


def hashes(chosen):
    return [item.prompt_hash for item in chosen]


def test_the_same_seed_chooses_the_same_and_another_seed_another(project):
    first = selection.choose(project, n=3, seed="a")
    assert selection.choose(project, n=3, seed="a") == first
    assert any(set(hashes(selection.choose(project, n=3, seed=seed))) != set(hashes(first)) for seed in "bcdefgh")


def test_prompts_that_nobody_was_asked_about_come_first_with_their_probability(project):
    asked = {TaskFactory(project=project, prompt=prompt).prompt.content_hash for prompt in project.prompts.all()[:2]}
    chosen = selection.choose(project, n=3, seed="a")
    assert not asked & set(hashes(chosen))
    assert {item.propensity for item in chosen} == {3 / 4}
    every = selection.choose(project, n=5, seed="a")
    assert [item.propensity for item in every] == [1.0, 1.0, 1.0, 1.0, 1 / 2]
    assert set(hashes(every)[4:]) <= asked


def test_more_than_there_are_is_all_of_them_once(project):
    chosen = selection.choose(project, n=100, seed="a")
    assert len(set(hashes(chosen))) == len(chosen) == 6


def test_a_bare_demonstration_asked_nobody(project):
    TaskFactory(project=project, prompt=project.prompts.first(), size=1).slots.all().delete()
    assert {item.propensity for item in selection.choose(project, n=3, seed="a")} == {1 / 2}

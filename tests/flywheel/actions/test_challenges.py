import pytest

from annotation.models import Response, Task
from flywheel.actions import challenges
from flywheel.exceptions import NotReady
from tests.factories import PolicyFactory, ProjectFactory, PromptFactory
from tests.flywheel.doubles import generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair():
    """A candidate and the promoted generation that it challenges."""
    project = ProjectFactory(overlap=3)
    return generation(project, state="promoted"), generation(project)


def answered(pair, *, same=()):
    """Three prompts that both answered; on those in `same` with the same words."""
    old, new = pair
    for number in range(3):
        prompt = PromptFactory(project=old.project)
        Response.objects.create(prompt=prompt, policy=old.policy, text=f"Old {number}.")
        Response.objects.create(
            prompt=prompt, policy=new.policy, text=f"{'Old' if number in same else 'New'} {number}."
        )


def test_a_challenge_goes_before_other_tasks_to_as_many_people_as_the_project_wants(pair):
    old, new = pair
    answered(pair)
    pushed = challenges.push(new.project, generation=new, against=old.policy)
    assert (pushed.created, pushed.known, pushed.identical) == (3, 0, 0)
    task = Task.objects.filter(project=new.project).first()
    assert (task.purpose, task.priority, task.overlap) == ("head_to_head", challenges.PRIORITY, 3)
    assert {response.policy for response in task.responses.all()} == {old.policy, new.policy}


def test_equal_answers_are_left_out_and_a_limit_holds(pair):
    old, new = pair
    answered(pair, same={1})
    pushed = challenges.push(new.project, generation=new, against=old.policy, limit=1)
    assert (pushed.created, pushed.identical) == (1, 1)
    again = challenges.push(new.project, generation=new, against=old.policy)
    assert (again.created, again.known) == (1, 1)


def test_of_several_answers_the_first_two_that_differ_meet(pair):
    old, new = pair
    prompt = PromptFactory(project=old.project)
    for text in ("Same.", "Other."):
        Response.objects.create(prompt=prompt, policy=new.policy, text=text)
    Response.objects.create(prompt=prompt, policy=old.policy, text="Same.")
    challenges.push(new.project, generation=new, against=old.policy)
    assert {response.text for response in Task.objects.get().responses.all()} == {"Same.", "Other."}


def test_a_generation_of_another_project_is_no_challenger(pair):
    _, new = pair
    with pytest.raises(NotReady, match=f"of project {new.project.slug}"):
        challenges.challenger(ProjectFactory(), policy=new.policy.name)


def test_without_a_promoted_generation_an_opponent_must_be_named():
    project, guest = ProjectFactory(), PolicyFactory(name="guest")
    with pytest.raises(NotReady, match="--against"):
        challenges.opponent(project, policy=None)
    assert challenges.opponent(project, policy="guest") == guest

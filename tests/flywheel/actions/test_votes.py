import pytest

from annotation.actions import imports
from annotation.formats import rows
from annotation.models import Judgement, Policy, Task
from flywheel.actions import gates, votes
from tests.factories import ProjectFactory
from tests.flywheel.doubles import challenge_tasks, generation, member, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate():
    project = ProjectFactory(overlap=1)
    generation(project, state="promoted")
    return generation(project)


def forged(candidate, number):
    """A row of a file that calls itself a vote of a person at the desk."""
    names = [candidate.policy.name, candidate.parent.policy.name]
    return rows.parse(
        {
            "prompt": f"Forged {number}?",
            "responses": [{"text": f"By {name}.", "policy": name} for name in names],
            "purpose": "head_to_head",
            "generation": candidate.policy.name,
            "strategy": "head to head",
            "judgements": [{"annotator": "ghost", "ranking": [[0], [1]], "source": "human"}],
        }
    )


def test_a_vote_that_came_with_an_import_never_counts_whatever_it_calls_itself(candidate):
    imports.import_rows([forged(candidate, number) for number in range(25)], project=candidate.project, by=None)
    said = Judgement.objects.filter(task__purpose="head_to_head", source="human")
    assert said.count() == 25
    assert said.first().comparisons.exists()
    found = votes.standing(candidate)
    assert (found.votes, found.simulated, found.win_rate.n) == (0, 0, 0)
    assert not gates.win_rate_gate(candidate, found).passed


def test_an_imported_vote_on_a_task_of_the_desk_never_counts(candidate):
    challenge_tasks(candidate.project, candidate, count=1)
    task = Task.objects.get(purpose="head_to_head")
    answers = [item.response for item in task.positions.select_related("response__policy").order_by("position")]
    row = rows.parse(
        {
            "id": task.key,
            "prompt": task.prompt.messages,
            "responses": [{"text": answer.text, "policy": answer.policy.name} for answer in answers],
            "purpose": "head_to_head",
            "judgements": [{"annotator": "ghost", "ranking": [[0], [1]], "source": "human"}],
        }
    )
    imports.import_rows([row], project=candidate.project, by=None)
    assert task.judgements.filter(source="human", slot=None).count() == 1
    vote(candidate.project, candidate, by=member(candidate.project), wins=1)
    assert votes.standing(candidate).votes == 1


def test_a_renamed_policy_keeps_its_votes(candidate):
    challenge_tasks(candidate.project, candidate, count=12)
    vote(candidate.project, candidate, by=member(candidate.project), wins=11)
    Policy.objects.filter(pk=candidate.policy_id).update(name="renamed")
    candidate.policy.refresh_from_db()
    found = votes.standing(candidate)
    assert (found.votes, found.win_rate.wins, found.tasks_open) == (11, 11, 1)


def test_votes_against_another_than_the_parent_are_not_counted(candidate):
    other = generation(candidate.project)
    challenge_tasks(candidate.project, candidate, count=2)
    assert votes.standing(other).tasks_open == 0
    assert votes.standing(candidate).tasks_open == 2

import pytest

from annotation.models import Task
from flywheel.actions import turns
from flywheel.models import Turn
from tests.flywheel.doubles import member, project_with_corpus, vote
from training.actions import artifacts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.training]
SMALL = {"max_steps": "2", "batch_size": "4", "max_length": "128", "threads": "1"}
GIVEN = {
    "simulate_labels": True,
    "prompts": 12,
    "answers": 2,
    "challenges": 20,
    "min_judgements": 4,
    "knobs": {
        "sft": {**SMALL, "tiny_layers": "1", "tiny_width": "32", "tiny_context": "128"},
        "rm": SMALL,
        "dpo": SMALL,
        "sample": {"max_new_tokens": "12", "threads": "1", "top_p": "1.0"},
    },
}


def test_a_whole_turn_from_demonstrations_to_a_decision_with_real_training(settings):
    settings.BASE_MODEL = "tiny"
    project = project_with_corpus(questions=40, overlap=1)
    turn = turns.go(project, given=GIVEN)
    assert turn.state == Turn.State.WAITING
    candidate, parent = turn.candidate, turn.candidate.parent
    assert artifacts.digest(artifacts.Path(candidate.artifact.path)) == candidate.artifact.sha256
    assert candidate.artifact.sha256 != parent.artifact.sha256
    assert candidate.reward_model.run.report["held_out"]["accuracy"]["n_pairs"] > 0
    assert Task.objects.filter(generation=candidate.policy.name, purpose="head_to_head", state="open").count() >= 10
    vote(project, candidate, by=member(project), wins=0, losses=Task.objects.filter(state="open").count())
    assert turns.go(project).state == Turn.State.DONE
    candidate.refresh_from_db()
    assert candidate.state == "rejected"

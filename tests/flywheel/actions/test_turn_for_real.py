import pytest

from annotation.models import Task
from flywheel.actions import lineage, turns
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


ROLLOUTS = {**SMALL, "rollout_size": "8", "max_new_tokens": "12", "eval_prompts": "4"}
BY_METHOD = {"sft": {}, "ppo": {"ppo": ROLLOUTS}, "rloo": {"rloo": ROLLOUTS}}


@pytest.mark.parametrize("method", BY_METHOD)
def test_a_turn_by_another_method_ends_with_a_policy_and_its_lineage(settings, method):
    settings.BASE_MODEL = "tiny"
    project = project_with_corpus(questions=40, overlap=1)
    given = GIVEN | {"method": method, "knobs": GIVEN["knobs"] | BY_METHOD[method]}
    turn = turns.go(project, given=given)
    assert turn.state == Turn.State.WAITING
    candidate = turn.candidate
    run = candidate.artifact.run
    assert (run.kind, run.state) == (method, "done")
    assert artifacts.digest(artifacts.Path(candidate.artifact.path)) == candidate.artifact.sha256
    released = project.releases.get(name=turn.stages.get(name="release").result["release"])
    assert candidate in lineage.touched_by_judgement(released.judgements.first())
    behind = [candidate.reward_model] if method in ("ppo", "rloo") else []
    assert [reward.artifact for reward in run.rewards.all()] == behind
    assert run.report["knobs"].get("answers", "best") == "best"


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

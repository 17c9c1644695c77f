import pytest

from flywheel.actions import lineage, turns
from flywheel.models import Turn
from tests.flywheel.actions.test_turn_for_real import GIVEN, SMALL
from tests.flywheel.doubles import project_with_corpus
from training.actions import artifacts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.training]
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

import json
import math

import pytest

from training.actions import artifacts, rewards
from training.exceptions import InvalidBase, InvalidRun, TrainingError
from training.models import Artifact, Reward, Run

pytestmark = pytest.mark.django_db
SCORES, SPEAKS = ["LlamaForSequenceClassification"], ["LlamaForCausalLM"]
NUMBER = 3


def brevity(prompts, completions):
    return [-len(text) for text in completions]


def weights(path, *, architectures=SCORES, text="a"):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"architectures": architectures}))
    (path / "model.safetensors").write_text(text)
    return path


def registered(path, *, kind=Artifact.Kind.REWARD_MODEL, name="judge"):
    run = Run.objects.create(name=f"run-of-{name}", kind="rm", directory=str(path), base="tiny", seed=1)
    return Artifact.objects.create(name=name, kind=kind, path=str(path), sha256=artifacts.digest(path), run=run)


def test_a_reward_model_is_found_by_its_name_its_run_and_its_place(tmp_path):
    path = weights(tmp_path / "model")
    judge = registered(path)
    for name in ("judge", "run-of-judge", str(path)):
        (found,) = rewards.find([name])
        assert (found.source, found.hash, found.weight) == (str(path), judge.sha256, 1.0)


def test_weights_stand_behind_an_equals_sign_that_a_path_may_have_too(tmp_path):
    path = weights(tmp_path / "lr=1" / "model")
    function = f"{__name__}:brevity"
    found = rewards.find([f"{path}=0.5", f"{function}=-0.01"])
    assert [(one.source, one.weight) for one in found] == [(str(path), 0.5), (function, -0.01)]


def test_a_held_out_reward_is_marked_so(tmp_path):
    gold = weights(tmp_path / "gold", text="b")
    found = rewards.find([str(weights(tmp_path / "model"))], [str(gold)])
    assert [one.held_out for one in found] == [False, True]


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ([], InvalidRun, r"Say what answers are rewarded by: .*module:function \(reward models: judge\)"),
        (["nothing"], InvalidBase, "There is no reward model 'nothing' .reward models: judge"),
        ([""], InvalidBase, "There is no reward model ''"),
        (["judge=much"], InvalidRun, "--reward judge=much: expected a name, or name=weight with a number"),
        (["judge=0"], InvalidRun, "--reward judge=0: expected"),
        (["judge=nan"], InvalidRun, "--reward judge=nan: expected"),
        (["=1"], InvalidRun, "--reward =1: expected"),
        (["policy"], InvalidBase, "--reward policy is a policy, not a reward model"),
        (["speaking"], InvalidBase, "is no reward model: it has no score for a conversation"),
        (["no_such_module:f"], InvalidRun, r"no_such_module:f cannot be imported \(ModuleNotFoundError"),
        ([f"{__name__}:absent"], InvalidRun, "has no function 'absent'"),
        ([f"{__name__}:NUMBER"], InvalidRun, "has no function 'NUMBER'"),
        ([f"{__name__}:"], InvalidRun, "has no function ''"),
        (["judge", "judge=2"], InvalidRun, "stands twice"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, given, error, sentence):
    monkeypatch.chdir(tmp_path)
    registered(weights(tmp_path / "model"))
    registered(weights(tmp_path / "policy", text="p"), kind=Artifact.Kind.POLICY, name="policy")
    weights(tmp_path / "speaking", architectures=SPEAKS)
    with pytest.raises(error, match=sentence) as refused:
        rewards.find(given)
    assert "\n" not in str(refused.value)


def test_what_is_trained_on_is_not_held_out(tmp_path):
    path = str(weights(tmp_path / "model"))
    with pytest.raises(InvalidRun, match=f"--held-out-reward {path} is what is trained on"):
        rewards.find([path], [path])


@pytest.mark.parametrize("given", ["judge=much", "policy", "speaking"])
def test_what_is_wrong_with_a_reward_that_is_held_out_is_said_of_its_own_option(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    registered(weights(tmp_path / "model"))
    registered(weights(tmp_path / "policy", text="p"), kind=Artifact.Kind.POLICY, name="policy")
    weights(tmp_path / "speaking", architectures=SPEAKS)
    with pytest.raises(TrainingError, match=f"--held-out-reward .*{given}"):
        rewards.find(["judge"], [given])


def test_other_weights_than_were_registered_are_refused(tmp_path):
    path = weights(tmp_path / "model")
    registered(path)
    (path / "model.safetensors").write_text("b")
    with pytest.raises(InvalidBase, match="are not those that were registered as judge"):
        rewards.find(["judge"])


def test_of_a_function_the_file_decides_and_a_model_has_none(tmp_path):
    function = f"{__name__}:brevity"
    found = rewards.find([function, "math:fsum=0.1", str(weights(tmp_path / "model"))])
    assert callable(math.fsum)
    assert list(rewards.files_of(found)) == [function]


def test_a_copy_of_the_weights_leads_to_the_artifact_that_they_are(tmp_path):
    path = weights(tmp_path / "model")
    judge = registered(path)
    copy = weights(tmp_path / "copy")
    stranger = weights(tmp_path / "stranger", text="c")
    run = Run.objects.create(name="ppo-1", kind="ppo", directory="d", base="b", seed=1)
    found = rewards.find([f"{copy}=2", str(stranger), f"{__name__}:brevity"])
    rewards.register(run, found)
    rewards.register(run, found)
    assert [(one.artifact, one.weight) for one in Reward.objects.filter(run=run)] == [(judge, 2.0)]

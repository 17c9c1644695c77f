from pathlib import Path

import pytest

from tests.training.actions.test_rewards import SPEAKS, registered, weights
from tests.training.releases import write_release
from training.actions import learning, plans, prompts, runs
from training.exceptions import InvalidBase, InvalidKnob, InvalidRun
from training.ml.run.rundir import RunDirectory
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db
FUNCTION = "training.ml.run.rundir:line_of"


@pytest.fixture(autouse=True)
def judge(settings, tmp_path):
    write_release(settings.RELEASES_DIR, judged=20)
    weights(tmp_path / "policy", architectures=SPEAKS)
    return registered(weights(tmp_path / "judge"))


@pytest.fixture
def planned(tmp_path):
    def plan(**changes):
        usual = {"kind": "ppo", "base": str(tmp_path / "policy"), "trained_on": ["judge"], "values": {}}
        usual["asked"] = prompts.of_release("kettle")
        return learning.plan(**usual | changes)

    return plan


def again(run):
    return learning.plan(kind=run.kind, asked=None, base=None, resume=run.name)


def test_the_plan_names_policy_rewards_and_prompts(planned, judge):
    wanted = planned(held_out=[f"{FUNCTION}=2"], values={"max_kl": "8"})
    config = wanted.config
    assert [(one.source, one.held_out) for one in config.rewards] == [(judge.path, False), (FUNCTION, True)]
    assert (config.knobs["max_kl"], config.seed, config.release.hash[:3]) == (8.0, 17, config.release.hash[:3])
    run = runs.begin(wanted)
    assert RunDirectory(Path(run.directory)).prompts.read_text() == wanted.prompts
    assert [one.artifact for one in run.rewards.all()] == [judge]
    assert run.release_hash == config.release.hash


def test_equal_plans_are_one_run_and_whatever_decides_makes_another(planned, tmp_path):
    other = weights(tmp_path / "other", text="o")
    some = prompts.of_rows(
        [([{"role": "user", "content": "A"}], "test"), ([{"role": "user", "content": "B"}], "train")]
    )
    plans_made = [
        planned(),
        planned(kind="rloo"),
        planned(values={"max_kl": "1"}),
        planned(trained_on=["judge=2"]),
        planned(trained_on=["judge", FUNCTION]),
        planned(held_out=[str(other)]),
        planned(trained_on=[str(other)]),
        planned(asked=some),
        planned(seed=18),
    ]
    assert len({wanted.hash for wanted in plans_made}) == len(plans_made)
    assert planned().hash == plans_made[0].hash
    assert runs.begin(planned()) == runs.begin(planned())


def test_a_reward_model_that_moved_is_the_same_work(planned, judge, tmp_path):
    before = planned()
    run = runs.begin(before)
    moved = Path(judge.path).rename(tmp_path / "moved")
    wanted = planned(trained_on=[str(moved)])
    assert wanted.hash == before.hash
    assert runs.begin(wanted) == run
    assert RunDirectory(Path(run.directory)).read_config().rewards[0].source == str(moved)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"asked": None}, InvalidRun, "Say which prompts to answer: --release R, --prompts FILE or --project P"),
        ({"trained_on": []}, InvalidRun, "Say what answers are rewarded by"),
        ({"base": "tiny"}, InvalidBase, "`tiny` starts from nothing and has no answers yet: train it first"),
        ({"base": None}, InvalidBase, "`tiny` starts from nothing"),
        ({"base": "judge"}, InvalidBase, "judge is a reward model; ppo starts from a policy"),
        ({"values": {"beta": "many"}}, InvalidKnob, "beta=many: expected a number"),
        ({"values": {"tiny_layers": "1"}}, InvalidKnob, "unknown knob 'tiny_layers' for ppo"),
        ({"seed": -1}, InvalidRun, "--seed -1: expected"),
        ({"resume": "nothing"}, plans.NotFound, "There is no run 'nothing' to resume"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing_behind(planned, settings, changes, error, sentence):
    settings.BASE_MODEL = "tiny"
    with pytest.raises(error, match=sentence) as refused:
        planned(**changes)
    assert "\n" not in str(refused.value)
    assert not settings.RUNS_DIR.exists()


def test_best_of_n_needs_no_prompts_to_train_on(planned):
    held_out = prompts.of_rows([([{"role": "user", "content": "A"}], "test")])
    assert planned(kind="best_of_n", asked=held_out).config.kind == "best_of_n"
    with pytest.raises(InvalidRun, match="no prompt of the train split"):
        planned(asked=held_out)


def test_resuming_needs_nothing_but_the_name(planned):
    run = runs.begin(planned(held_out=[f"{FUNCTION}=0.3"], values={"max_kl": "3"}, seed=5))
    assert again(run).hash == run.config_hash
    assert runs.find_resumed(again(run), resume=run.name) == run


def test_resuming_with_other_rewards_or_prompts_says_so(planned):
    run = runs.begin(planned())
    with pytest.raises(InvalidRun, match=r"begun otherwise: rewards \w{12}=1, now \w{12}=2\."):
        runs.find_resumed(planned(resume=run.name, trained_on=["judge=2"]), resume=run.name)
    rows = [([{"role": "user", "content": name}], name) for name in ("train", "test")]
    other = prompts.of_rows(rows, release=planned().config.release)
    with pytest.raises(InvalidRun, match="the weights of its base, its prompts or the version of this project"):
        runs.find_resumed(planned(resume=run.name, asked=other), resume=run.name)


def test_resuming_as_another_kind_names_the_right_command(planned):
    run = runs.begin(planned(kind="best_of_n"))
    with pytest.raises(InvalidRun, match="is of kind best_of_n, not ppo: use best_of_n"):
        planned(resume=run.name)


def test_a_function_that_was_written_anew_is_other_work(planned, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "taste_of_this_test.py"
    module.write_text("def kind(prompts, completions):\n    return [1.0 for _ in completions]\n")
    before = planned(trained_on=["taste_of_this_test:kind"])
    assert list(before.functions) == ["taste_of_this_test:kind"]
    run = runs.begin(before)
    module.write_text("def kind(prompts, completions):\n    return [2.0 for _ in completions]\n")
    with pytest.raises(InvalidRun, match="its prompts, a function that rewards or the version"):
        runs.find_resumed(again(run), resume=run.name)


def test_a_run_that_another_database_began_finds_its_reward_model_again(planned, judge):
    runs.begin(planned()).delete()
    assert [one.artifact for one in runs.begin(planned()).rewards.all()] == [judge]


def test_what_a_policy_learned_leaves_it_as_its_artifact(planned, judge, tmp_path):
    run = runs.begin(planned())
    weights(Path(run.directory) / "model", text="w", architectures=SPEAKS)
    made = runs.register(run, report={"headline": "Done."}, name="").artifacts.get()
    assert made.kind == Artifact.Kind.POLICY
    assert made.behind() == [judge]


def test_best_of_n_leaves_no_artifact(planned):
    run = runs.begin(planned(kind="best_of_n"))
    done = runs.register(run, report={"headline": "Done."}, name="")
    assert (done.state, done.artifacts.exists()) == (Run.State.DONE, False)

"""train_ppo, train_rloo and best_of_n: what they take, and what they say of what they cannot take."""

import json
import re

import pytest
from django.core.management import call_command, load_command_class

from flywheel.exceptions import NotFound
from tests.factories import ProjectFactory, PromptFactory
from tests.flywheel.doubles import project_with_corpus
from tests.training.actions.test_rewards import SPEAKS, registered, weights
from tests.training.releases import write_release
from training.actions import runs
from training.exceptions import TrainingError
from training.ml import knobs
from training.models import Artifact, Run

pytestmark = pytest.mark.django_db
COMMANDS = {"train_ppo": "ppo", "train_rloo": "rloo", "best_of_n": "best_of_n"}


@pytest.fixture(autouse=True)
def files(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_release(settings.RELEASES_DIR, judged=20)
    weights(tmp_path / "policy", architectures=SPEAKS)
    registered(weights(tmp_path / "judge"), name="judge-1")
    (tmp_path / "asked.jsonl").write_text(
        "".join(json.dumps({"prompt": f"Question {number}?"}) + "\n" for number in range(20)) + "{}\n"
    )


@pytest.fixture
def worked(monkeypatch):
    """The plans of the commands, which end as if each had left a policy."""
    plans = []

    def work(wanted, **options):
        plans.append((wanted, options))
        name, report = f"planned-{len(plans)}", {"headline": "Planned."}
        run = Run.objects.create(
            name=name, kind=wanted.config.kind, directory=f"runs/{name}", base="policy", seed=17, report=report
        )
        Artifact.objects.create(name=name, kind=Artifact.Kind.POLICY, path=f"runs/{name}/model", run=run)
        return run

    monkeypatch.setattr(runs, "work", work)
    return plans


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_every_knob_with_its_default(name):
    text = load_command_class("flywheel", name).create_parser("manage.py", name).format_help()
    assert f"manage.py {name} --base" in text
    unfolded = re.sub(r"\s+", " ", text)
    for knob in knobs.describe(COMMANDS[name]):
        assert f"{knob.name}={knob.default}" in text
        assert re.sub(r"\s+", " ", knob.help) in unfolded


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Say which prompts to answer: --release R, --prompts FILE or --project P"),
        (["--release", "kettle", "--prompts", "asked.jsonl"], "--release and --prompts: say one place"),
        (["--release", "nothing"], "There is no release 'nothing'. There are: kettle"),
        (["--prompts", "nothing.jsonl"], "nothing.jsonl cannot be read (No such file or directory)"),
        (["--release", "kettle", "--base", "judge-1"], "judge-1 is a reward model"),
        (["--release", "kettle", "--base", "tiny"], "`tiny` starts from nothing"),
        (["--release", "kettle", "--base", "policy"], "Say what answers are rewarded by: --reward"),
        (["--release", "kettle", "--base", "policy", "--reward", "policy"], "is no reward model"),
        (["--release", "kettle", "--base", "policy", "--reward", "nowhere:f"], "nowhere:f cannot be imported"),
        (
            ["--release", "kettle", "--base", "policy", "--reward", "judge", "--set", "speed=1"],
            "unknown knob 'speed'",
        ),
        (["--resume", "nothing"], "There is no run 'nothing' to resume"),
        (["--launcher", "accelerate", "--processes", "0"], "expected at least 1"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_bad_input_is_one_sentence_and_leaves_nothing_behind(settings, name, options, sentence):
    with pytest.raises(TrainingError) as refused:
        call_command(name, *options)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert Run.objects.count() == 1
    assert not settings.RUNS_DIR.exists()


def test_an_unknown_project_and_one_without_prompts_are_told():
    ProjectFactory(slug="empty")
    with pytest.raises(NotFound, match=r"no project 'nowhere'\. There are: empty"):
        call_command("train_ppo", "--project", "nowhere")
    with pytest.raises(NotFound, match="Project empty has no prompts"):
        call_command("train_ppo", "--project", "empty")


USUAL = ("--base", "policy", "--reward", "judge-1")


def test_prompts_of_a_project_keep_their_splits(worked, capsys):
    project = project_with_corpus(questions=20)
    PromptFactory()
    call_command("train_ppo", *USUAL, "--project", project.slug, "--set", "max_kl=4", "beta=0.1", "--seed", "3")
    ((wanted, _),) = worked
    lines = [json.loads(line) for line in wanted.prompts.splitlines()]
    kept = {json.dumps(line["messages"]): line["split"] for line in lines}
    assert kept == {json.dumps(prompt.messages): prompt.split for prompt in project.prompts.all()}
    config = wanted.config
    assert (config.release, config.seed, config.knobs["max_kl"], config.knobs["beta"]) == (None, 3, 4.0, 0.1)
    assert "Planned." in capsys.readouterr().out


def test_a_file_of_prompts_is_named_and_what_was_left_out_is_told(worked, capsys):
    call_command("best_of_n", *USUAL, "--prompts", "asked.jsonl", "--set", "n=3")
    ((wanted, _),) = worked
    assert (wanted.config.kind, wanted.config.knobs["n"], len(wanted.prompts.splitlines())) == ("best_of_n", 3, 20)
    assert [file.role for file in wanted.config.files] == ["prompts"]
    said = capsys.readouterr()
    assert "1 of the records left out: none of messages, conversations and instruction" in said.err
    assert "responses.jsonl" in said.out


def test_the_method_of_rloo_is_a_knob(worked):
    call_command("train_rloo", *USUAL, "--release", "kettle", "--method", "grpo", "--name", "kind")
    call_command(
        "train_rloo", *USUAL, "--release", "kettle", "--set", "method=grpo", "--held-out-reward", "math:fsum=2"
    )
    (first, options), (second, _) = worked
    assert first.config.knobs == second.config.knobs
    assert (first.config.knobs["method"], options["name"]) == ("grpo", "kind")
    assert [(one.source, one.weight, one.held_out) for one in second.config.rewards[1:]] == [("math:fsum", 2.0, True)]

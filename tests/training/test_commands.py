import re
from pathlib import Path

import pytest
from django.core.management import call_command, load_command_class

from tests.training.doubles.commands import manage
from tests.training.releases import write_release
from training.exceptions import InvalidKnob, TrainingError
from training.management import guide
from training.management.summaries import summary
from training.ml import knobs
from training.models import Run

pytestmark = pytest.mark.django_db
KINDS = ("sft", "rm", "dpo")


@pytest.fixture(autouse=True)
def release(settings):
    return write_release(settings.RELEASES_DIR)


@pytest.mark.parametrize("kind", KINDS)
def test_help_has_an_example_and_every_knob_with_its_default(kind):
    text = load_command_class("training", f"train_{kind}").create_parser("manage.py", f"train_{kind}").format_help()
    assert f"manage.py train_{kind} --release" in text
    unfolded = re.sub(r"\s+", " ", text)
    for knob in knobs.describe(kind):
        assert f"{knob.name}={knob.default}" in text
        assert re.sub(r"\s+", " ", knob.help) in unfolded


def test_the_guide_lists_every_knob_as_it_is():
    text = guide.GUIDE.read_text(encoding="utf-8")
    assert guide.with_tables(text) == text, "run `python -m training.management.guide`"
    for kind in KINDS:
        for knob in knobs.describe(kind):
            assert f"| `{knob.name}` |" in text


def test_the_guide_to_rewards_lists_every_knob_as_it_is():
    text = guide.LEARNING_GUIDE.read_text(encoding="utf-8")
    assert guide.with_tables(text) == text, "run `python -m training.management.guide`"
    both = text + guide.GUIDE.read_text(encoding="utf-8")
    for kind in (*guide.LEARNING, "best_of_n"):
        for knob in knobs.describe(kind):
            assert f"| `{knob.name}` | {f'`{knob.default}`' if knob.default else ''} | {knob.help} |" in both, (
                knob.name
            )


def test_every_knob_that_the_guide_to_rewards_names_exists():
    text = guide.LEARNING_GUIDE.read_text(encoding="utf-8")
    known = {knob.name for kind in knobs.KINDS for knob in knobs.describe(kind)}
    shown = {assignment.partition("=")[0] for assignment in re.findall(r"--set (\w+=[\w.:/]+)", text)}
    assert {"max_kl", "n", "server", "check_reward"} <= shown <= known
    guarded = re.findall(r"^\| [^`|]+\| [^|]+\| `(\w+)`", text, re.MULTILINE)
    assert len(guarded) == 7
    assert set(guarded) <= known


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--release", "nothing"], "There is no release 'nothing'. There are: kettle"),
        ([], "Say which release to train on"),
        (["--release", "kettle", "--base", "./nothing"], "There is no base model './nothing'"),
        (["--release", "kettle", "--set", "epochs"], "--set epochs: expected name=value"),
        (["--release", "kettle", "--set", "speed=1"], "unknown knob 'speed'"),
        (["--release", "kettle", "--set", "epochs=0"], "expected at least 0.01"),
        (["--release", "kettle", "--seed", "-4"], "--seed -4"),
        (["--release", "kettle", "--name", "tiny"], "choose another --name"),
        (["--resume", "nothing"], "There is no run 'nothing' to resume"),
        (
            ["--release", "kettle", "--launcher", "accelerate", "--accelerate-config", "zero9"],
            "no such file, and none of ddp, fsdp2, zero2, zero3.",
        ),
        (["--release", "kettle", "--accelerate-config", "fsdp2"], "is for --launcher accelerate"),
        (["--release", "kettle", "--launcher", "accelerate", "--processes", "0"], "expected at least 1"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_is_one_sentence_and_leaves_nothing_behind(settings, kind, options, sentence):
    with pytest.raises(TrainingError) as refused:
        call_command(f"train_{kind}", *options)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Run.objects.exists()
    assert not list(settings.RUNS_DIR.glob("*/config.json"))


def test_assignments_may_stand_together_or_apart():
    with pytest.raises(InvalidKnob, match="unknown knob 'b'"):
        call_command("train_rm", "--release", "kettle", "--set", "epochs=1", "batch_size=3", "--set", "b=1")


@pytest.mark.django_db(transaction=True)
def test_a_mistake_ends_the_process_with_a_sentence_and_no_traceback():
    process = manage("train_rm", "--release", "nothing")
    shown, said = process.communicate()
    assert (process.returncode, shown) == (1, "")
    assert said.startswith("Error: There is no release 'nothing'.")
    assert said.count("\n") == 1


@pytest.mark.training
@pytest.mark.django_db(transaction=True)
def test_a_mistake_that_the_training_finds_is_said_once(settings):
    write_release(settings.RELEASES_DIR, slug="shown-only", judged=0)
    process = manage("train_rm", "--release", "shown-only", "--base", "tiny", "--set", "tiny_layers=1")
    shown, said = process.communicate()
    assert (process.returncode, shown) == (1, "")
    assert re.fullmatch(r"Error: .*shown-only.* holds no comparison.*\n", said)


@pytest.mark.training
def test_the_lines_that_matter_stand_at_the_end(capsys):
    small = ["tiny_layers=1", "tiny_width=32", "tiny_vocab=300", "max_steps=1"]
    call_command("train_rm", "--release", "kettle", "--base", "tiny", "--set", *small, "--name", "judge-v1")
    shown = capsys.readouterr().out
    run = Run.objects.get()
    assert run.report["headline"] in shown
    assert re.search(r"held-out accuracy +\d+\.\d% \[\d+\.\d%, \d+\.\d%\] on \d+ pairs of \d+ prompts", shown)
    assert re.search(r"always the longer answer +\d+\.\d% \[", shown)
    assert f"Reward model judge-v1: {Path(run.directory) / 'model'}" in shown
    assert "Next: manage.py train_dpo --release" in shown
    assert len(shown.splitlines()) <= 12


def test_a_release_without_held_out_pairs_is_summed_up_too():
    nothing = {"value": None, "low": None, "high": None, "n_pairs": 0, "n_prompts": 0}
    held_out = {"accuracy": nothing, "baselines": {"longest": nothing}, "ties": 0}
    run = Run(
        name="rm-1", kind="rm", directory="runs/rm-1", report={"headline": "Nothing known.", "held_out": held_out}
    )
    run.seed, run.base = 1, "tiny"
    run.save()
    assert "held-out accuracy            unknown: no comparison was held out" in summary(run)


def test_every_knob_that_the_guide_sets_exists():
    text = guide.GUIDE.read_text(encoding="utf-8")
    known = {knob.name for kind in (*KINDS, "sample") for knob in knobs.describe(kind)} | {"name"}
    named = [assignment for found in re.findall(r"--set((?: \w+=[\w.…-]+)+)", text) for assignment in found.split()]
    assert len(named) >= 6
    assert {assignment.partition("=")[0] for assignment in named} <= known
    for line in re.findall(r"manage\.py train_(\w+) .*--set (.*)", text):
        values = dict(assignment.split("=") for assignment in line[1].split())
        knobs.parse(line[0], values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["/proc/runs", "/dev/null", "/dev/null/runs"])
def test_a_place_that_takes_no_runs_is_one_sentence(settings, kind, place):
    settings.RUNS_DIR = Path(place)
    with pytest.raises(TrainingError, match=f"Nothing can be written to {place} .*set RUNS_DIR") as refused:
        call_command(f"train_{kind}", "--release", "kettle", "--base", "tiny")
    assert "\n" not in str(refused.value)

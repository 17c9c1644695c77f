"""The commands that learn from rewards, on the smallest policy: killed, gone on with, and registered."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flywheel.doubles import project_with_corpus
from tests.training.doubles.commands import CHECKOUT, child_of, manage, wait_for
from tests.training.releases import write_release
from training.actions import runs
from training.ml.run.rundir import RunDirectory, read_lines, write_text
from training.models import Run

pytestmark = [pytest.mark.training, pytest.mark.django_db(transaction=True)]
TASTES = "tests.training.doubles.tastes"
SMALL = {"tiny_layers": "1", "tiny_width": "32", "tiny_vocab": "300", "threads": "1", "max_steps": "2"}
ROLLOUTS = ["threads=1", "rollout_size=4", "max_new_tokens=6", "eval_prompts=4"]


@pytest.fixture(autouse=True)
def policy(settings):
    write_release(settings.RELEASES_DIR)
    return runs.train(
        kind="sft", release="kettle", base="tiny", values=SMALL, name="shop", terminal=io.StringIO()
    ).artifacts.get()


def command(name, *more, asked=("--release", "kettle")):
    rewards = ["--reward", f"{TASTES}:brevity", f"{TASTES}:loudness=0.5"]
    return [name, "--base", "shop", *asked, *rewards, *more]


def checkpoint(settings):
    """The step of the last one; 0 before there is one."""
    found = settings.RUNS_DIR.glob("*/checkpoints/checkpoint-*")
    return max((int(path.name.rpartition("-")[2]) for path in found if path.parts[-3].startswith("ppo")), default=0)


def test_a_killed_run_ends_with_the_same_command_as_an_undisturbed_one(settings, tmp_path, policy):
    wanted = command("train_ppo", "--set", *ROLLOUTS, "max_steps=40", "eval_steps=4")
    process = manage(*wanted)
    wait_for(process, lambda: checkpoint(settings) >= 4)
    child_of(process).kill()
    _, said = process.communicate()
    assert (process.returncode, Run.objects.get(kind="ppo").state) == (1, "failed")
    assert "the same command goes on from its last" in said

    run = Run.objects.get(kind="ppo")
    again = manage("train_ppo", "--resume", run.name)
    shown, said = again.communicate()
    assert again.returncode == 0, said
    run.refresh_from_db()
    assert run.report["headline"] in shown
    assert run.artifacts.get().parent == policy

    undisturbed = RunDirectory(tmp_path / "undisturbed")
    directory = RunDirectory(Path(run.directory))
    undisturbed.path.mkdir()
    write_text(undisturbed.prompts, directory.prompts.read_text())
    undisturbed.write_config(directory.read_config())
    subprocess.run([sys.executable, "-m", "training.ml", str(undisturbed.path)], cwd=CHECKOUT, check=True)
    assert undisturbed.report.read_bytes() == directory.report.read_bytes()
    kept = [[line for line in read_lines(one.metrics) if "held_out" in line] for one in (directory, undisturbed)]
    assert kept[0] == kept[1]


def test_the_best_answers_to_a_projects_prompts_are_kept():
    project = project_with_corpus(questions=12)
    few = ["--set", "threads=1", "n=3", "max_new_tokens=6"]
    process = manage(*command("best_of_n", *few, asked=("--project", project.slug)))
    shown, said = process.communicate()
    assert process.returncode == 0, said
    run = Run.objects.get(kind="best_of_n")
    assert run.report["headline"] in shown
    assert not run.artifacts.exists()
    directory = RunDirectory(Path(run.directory))
    asked = {
        line["id"] for line in map(json.loads, directory.prompts.read_text().splitlines()) if line["split"] == "test"
    }
    assert {line["id"] for line in read_lines(directory.responses)} == asked

"""Real runs of the smallest policy, killed and gone on with."""

import io
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.training.doubles.commands import CHECKOUT, child_of, manage, wait_for
from tests.training.releases import write_release
from training.actions import runs
from training.exceptions import RunFailed
from training.ml.run.rundir import RunDirectory
from training.models import Artifact, Run

pytestmark = [pytest.mark.training, pytest.mark.django_db(transaction=True)]
SMALL = {"tiny_layers": "1", "tiny_width": "32", "tiny_vocab": "300", "threads": "1"}
ONE_STEP = {**SMALL, "max_steps": "1"}
# Long enough to be killed on the way, with a checkpoint every 10 of 150 steps.
LONG = {**SMALL, "batch_size": "2", "max_steps": "150", "save_steps": "10", "lora": "false"}


@pytest.fixture(autouse=True)
def release(settings):
    return write_release(settings.RELEASES_DIR)


def train(kind="sft", values=ONE_STEP, **options):
    return runs.train(
        kind=kind, **{"release": "kettle", "base": "tiny", "terminal": io.StringIO()} | options, values=values
    )


def command(*more):
    knobs = [f"{name}={value}" for name, value in LONG.items()]
    return ["train_rm", "--release", "kettle", "--base", "tiny", "--set", *knobs, *more]


def last_checkpoint(settings):
    """Its step; -1 before there is one."""
    found = settings.RUNS_DIR.glob("rm-*/checkpoints/checkpoint-*")
    return max((int(path.name.rpartition("-")[2]) for path in found), default=-1)


def begun_and_under_way(settings):
    """The command and its training, once that has written another checkpoint."""
    before = last_checkpoint(settings)
    process = manage(*command())
    wait_for(process, lambda: last_checkpoint(settings) > before)
    return process, child_of(process)


def undisturbed_report(path, config):
    """The same work, done at one go and without a database."""
    directory = RunDirectory(path)
    directory.write_config(config)
    subprocess.run([sys.executable, "-m", "training.ml", str(path)], cwd=CHECKOUT, check=True, capture_output=True)
    return directory.report.read_bytes()


def test_a_run_leaves_its_row_its_artifact_and_its_lineage(release):
    fine_tuned = train(name="shop-v1")
    preferred = train("dpo", base="shop-v1", name="shop-v2")

    for run in (fine_tuned, preferred):
        run.refresh_from_db()
        assert (run.state, run.error, run.release_hash) == ("done", "", run.report["data"]["release_hash"])
        assert run.finished_at
        assert run.versions["torch"]
        assert run.report == json.loads((Path(run.directory) / "report.json").read_text())
    first, second = Artifact.objects.get(name="shop-v1"), Artifact.objects.get(name="shop-v2")
    assert second.ancestors() == [first]
    assert set(Artifact.objects.touched_by(fine_tuned.release_hash)) == {first, second}


def test_what_ended_while_the_database_was_away_is_registered_and_what_is_done_is_done_anew():
    finished = train()
    said = (Path(finished.directory) / "console.txt").read_text()
    Artifact.objects.all().delete()
    Run.objects.all().delete()

    found = train(name="found-again")

    assert (found.name, found.state, found.report) == (finished.name, "done", finished.report)
    assert found.artifacts.get().name == "found-again"
    assert (Path(found.directory) / "console.txt").read_text() == said

    another = train()

    assert another.name != found.name
    assert another.artifacts.get().sha256 == found.artifacts.get().sha256


def test_a_run_that_cannot_be_trained_fails_with_its_sentence(settings):
    write_release(settings.RELEASES_DIR, slug="shown-only", judged=0)
    with pytest.raises(RunFailed) as failed:
        train("rm", release="shown-only")
    assert "Traceback" not in str(failed.value)
    run = Run.objects.get()
    assert (run.state, run.error) == ("failed", str(failed.value))
    assert not run.artifacts.exists()


def test_whatever_is_killed_the_same_command_ends_with_the_report_of_an_undisturbed_run(settings, tmp_path):
    process, training = begun_and_under_way(settings)
    training.kill()
    _, said = process.communicate()
    assert (process.returncode, Run.objects.get().state) == (1, "failed")
    assert "was killed (signal 9), perhaps because memory ran out: the same command goes on from its last" in said
    assert "console.txt" in said
    assert "%|" not in said

    process, training = begun_and_under_way(settings)
    process.kill()
    training.kill()
    process.communicate()
    assert Run.objects.get().state == "running"

    process, training = begun_and_under_way(settings)
    process.kill()
    process.communicate()
    assert training.is_running()  # it goes on alone, and the same command follows it

    process = manage(*command())
    _, said = process.communicate()

    assert process.returncode == 0, said
    run = Run.objects.get()
    directory = RunDirectory(Path(run.directory))
    assert (run.state, run.artifacts.count()) == ("done", 1)
    assert directory.report.read_bytes() == undisturbed_report(tmp_path / "undisturbed", directory.read_config())


def test_a_training_whose_database_goes_away_ends_and_is_registered_when_that_is_back(settings, tmp_path):
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.mkdir()
    database = f"sqlite:///{there / 'db.sqlite3'}"
    manage("migrate", database=database).communicate()
    values = [f"{name}={value}" for name, value in {**LONG, "max_steps": "40"}.items()]
    call = ["train_rm", "--release", "kettle", "--base", "tiny", "--set", *values, "--name", "judge"]
    process = manage(*call, database=database)
    wait_for(process, lambda: last_checkpoint(settings) > 0)
    there.rename(gone)
    _, said = process.communicate()
    (path,) = settings.RUNS_DIR.glob("rm-*")
    assert process.returncode == 1
    assert f"The database went away (unable to open database file); {path} is trained to its end." in said
    assert "Traceback" not in said
    report = (path / "report.json").read_bytes()
    gone.rename(there)
    process = manage(*call, database=database)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert (path / "report.json").read_bytes() == report
    with closing(sqlite3.connect(there / "db.sqlite3")) as rows:
        assert rows.execute("SELECT name, state FROM training_run").fetchall() == [(path.name, "done")]
        assert rows.execute("SELECT name FROM training_artifact").fetchall() == [("judge",)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_stops_its_training_and_says_how_to_go_on(settings, number):
    process, training = begun_and_under_way(settings)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on from its last checkpoint" in said
    assert not training.is_running()
    assert Run.objects.get().state == "stopped"

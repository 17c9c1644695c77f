"""Several commands may stand round one run: each writes only what it itself knows, and none undoes another's."""

from pathlib import Path

import pytest

from training.actions import runs
from training.exceptions import RunFailed, TrainingError
from training.ml.run.rundir import RunDirectory
from training.models import Run

pytestmark = pytest.mark.django_db
REPORT = {"headline": "Done.", "versions": {"torch": "2"}}


@pytest.fixture
def run(tmp_path):
    return Run.objects.create(name="sample-1", kind="sample", directory=str(tmp_path / "run"), base="tiny", seed=1)


def again(run):
    return Run.objects.get(pk=run.pk)


def follow(follower, *, done, error):
    """The run is done by another one while this one waits, and then breaks off."""
    with runs.keep_state(follower):
        runs.register(done, report=REPORT, name="")
        raise error


def test_a_follower_that_is_interrupted_leaves_a_finished_run_finished(run):
    follower = again(run)
    with pytest.raises(KeyboardInterrupt):
        follow(follower, done=run, error=KeyboardInterrupt())
    assert (again(run).state, again(run).report) == ("done", REPORT)
    assert follower.state == "done"


def test_a_follower_that_fails_leaves_a_finished_run_finished(run):
    with pytest.raises(RunFailed):
        follow(again(run), done=run, error=RunFailed("lost"))
    assert (again(run).state, again(run).error) == ("done", "")


def test_a_follower_that_comes_late_does_not_begin_a_finished_run_again(run):
    late = again(run)
    first = runs.register(run, report=REPORT, name="")
    with runs.keep_state(late):
        assert again(run).state == "done"
    runs.register(late, report={"headline": "Other."}, name="")
    assert (again(run).report, again(run).finished_at) == (REPORT, first.finished_at)


def test_what_another_process_works_on_stays_running(run):
    with RunDirectory(Path(run.directory)).locked():
        with pytest.raises(KeyboardInterrupt), runs.keep_state(again(run)):
            raise KeyboardInterrupt
        assert again(run).state == "running"


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [(KeyboardInterrupt(), "stopped", ""), (TrainingError("no\x00 room"), "failed", "no\ufffd room")],
)
def test_what_breaks_off_is_written_down_and_nothing_else(run, error, state, said):
    stale = again(run)
    Run.objects.filter(pk=run.pk).update(commit="abc")
    with pytest.raises(type(error)), runs.keep_state(stale):
        raise error
    assert (again(run).state, again(run).error, again(run).commit) == (state, said, "abc")

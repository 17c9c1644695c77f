import signal
import subprocess

import pytest

from training.actions import launches
from training.ml.run.rundir import RunDirectory

BAR = "Reward model:  33%|███▎      | 20/60 [00:01<00:02, 15.0step/s]"


@pytest.fixture
def directory(tmp_path):
    return RunDirectory(tmp_path)


def test_a_run_does_not_see_the_secrets_of_the_project(monkeypatch):
    secrets = ("SECRET_KEY", "PSEUDONYM_KEY", "DATABASE_URL", "OPENAI_API_KEY")
    for name in (*secrets, "HF_TOKEN"):
        monkeypatch.setenv(name, f"value of {name}")
    seen = launches.environment(online=True)
    assert not {*secrets} & {*seen}
    assert not any(f"value of {name}" in seen.values() for name in secrets)
    assert seen["HF_TOKEN"] == "value of HF_TOKEN"
    assert "PATH" in seen


def test_of_a_killed_run_the_signal_is_named_and_not_its_progress(directory):
    launches.console(directory).write_text(f"Loading\n\r{BAR}")
    said = launches.reason(directory, code=-signal.SIGKILL)
    assert "was killed (signal 9), perhaps because memory ran out: the same command goes on" in said
    assert said.endswith(str(launches.console(directory)))
    assert "33%" not in said
    assert "memory" not in launches.reason(directory, code=-signal.SIGSEGV)


def test_a_signal_that_ended_the_child_of_a_launcher_is_named_too(directory):
    error = subprocess.CalledProcessError(-signal.SIGKILL, ["python", "-m", "training.ml"])
    launches.console(directory).write_text(f"{BAR}\nsubprocess.CalledProcessError: {error}\n")
    assert "was killed (signal 9), perhaps because memory ran out" in launches.reason(directory, code=1)


SUMMARY = """Traceback (most recent call last):
  File "launch.py", line 1029, in multi_gpu_launcher
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 15436)
============================================================
"""


def test_a_signal_that_ended_one_of_several_processes_is_named(directory):
    launches.console(directory).write_text(BAR + "\n" + SUMMARY.format(code=-9))
    assert "was killed (signal 9), perhaps because memory ran out" in launches.reason(directory, code=1)


def test_what_one_of_several_processes_said_last_goes_before_the_summary_of_their_launcher(directory):
    said = "[rank1]: Traceback (most recent call last):\n[rank1]:   File x\n[rank1]: RuntimeError: out of luck\n"
    launches.console(directory).write_text(said + SUMMARY.format(code=1))
    assert "ended without a report: RuntimeError: out of luck. " in launches.reason(directory, code=1)


def test_the_last_thing_said_is_no_progress_bar(directory):
    launches.console(directory).write_text(f"RuntimeError: out of luck\n\r{BAR}\n")
    assert "ended without a report: RuntimeError: out of luck. " in launches.reason(directory, code=1)


def test_a_run_with_a_sentence_of_its_own_is_given_that(directory):
    directory.write_error("The release holds only ties.")
    assert launches.reason(directory, code=2) == "The release holds only ties."

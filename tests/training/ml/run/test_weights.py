"""A model is there whole, or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.training.ml import builders
from training.ml.run import weights
from training.ml.run.rundir import RunDirectory

pytestmark = pytest.mark.training

KILLED_BETWEEN_FILES = """
import os, signal, sys
from pathlib import Path
from transformers import AutoModelForCausalLM
from training.ml.run import weights
class Killer:
    def save_pretrained(self, path):
        assert (path / "model.safetensors").exists()
        os.kill(os.getpid(), signal.SIGKILL)
weights.save(Path(sys.argv[2]), AutoModelForCausalLM.from_pretrained(sys.argv[1]), Killer())
"""


def test_a_kill_between_the_files_of_a_model_leaves_none_or_the_one_before(
    tmp_path: Path, policy: RunDirectory
) -> None:
    run = RunDirectory(tmp_path)
    command = [sys.executable, "-c", KILLED_BETWEEN_FILES, str(policy.model), str(run.model)]
    ended = subprocess.run(command, cwd=builders.ROOT, capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not run.model.exists()
    weights.save(run.model, AutoModelForCausalLM.from_pretrained(policy.model))
    whole = {path.name: path.read_bytes() for path in run.model.iterdir()}
    subprocess.run(command, cwd=builders.ROOT, capture_output=True, check=False)
    assert {path.name: path.read_bytes() for path in run.model.iterdir()} == whole
    run.clear_unfinished()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_takes_the_place_of_another_with_nothing_of_it_left(tmp_path: Path, policy: RunDirectory) -> None:
    target = tmp_path / "model"
    weights.save(target, AutoTokenizer.from_pretrained(policy.model))
    weights.save(target, AutoModelForCausalLM.from_pretrained(policy.model))
    assert (target / "model.safetensors").exists()
    assert not (target / "tokenizer.json").exists()
    assert list(tmp_path.iterdir()) == [target]

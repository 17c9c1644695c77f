"""Releases and a trained tiny policy, made once for all tests of training/ml."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.ml import builders
from training.ml import knobs
from training.ml.run import jobs
from training.ml.run.jobs import Job
from training.ml.run.rundir import ReleaseReference, RunDirectory


@pytest.fixture(scope="session")
def comparisons(tmp_path_factory: pytest.TempPathFactory) -> ReleaseReference:
    return builders.release(tmp_path_factory.mktemp("release") / "comparisons", builders.polite_rows())


@pytest.fixture(scope="session")
def demonstrations(tmp_path_factory: pytest.TempPathFactory) -> ReleaseReference:
    return builders.release(tmp_path_factory.mktemp("release") / "demonstrations", builders.demonstration_rows())


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory, demonstrations: ReleaseReference) -> RunDirectory:
    """A tiny policy trained from nothing by supervised fine-tuning."""
    run = builders.make_run(tmp_path_factory.mktemp("runs") / "policy", "sft", reference=demonstrations)
    builders.train(run)
    return run


@pytest.fixture(scope="session")
def reward_model(
    tmp_path_factory: pytest.TempPathFactory, comparisons: ReleaseReference, policy: RunDirectory
) -> RunDirectory:
    """A reward model on that policy, with LoRA."""
    run = builders.make_run(
        tmp_path_factory.mktemp("runs") / "reward", "rm", reference=comparisons, base=str(policy.model)
    )
    builders.train(run)
    return run


@pytest.fixture
def small_run(tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory) -> RunDirectory:
    return builders.make_run(tmp_path / "run", "rm", reference=comparisons, base=str(policy.model))


@pytest.fixture
def reward_job(tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory) -> Callable[..., Job[Any]]:
    """Opens a job of kind rm on the tiny policy, with knobs as texts."""

    def opened(reference: ReleaseReference = comparisons, **values: str) -> Job[Any]:
        run = builders.make_run(tmp_path / "job", "rm", reference=reference, base=str(policy.model), values=values)
        config = run.read_config()
        return jobs.opened(run, config, knobs.from_json("rm", config.knobs))

    return opened

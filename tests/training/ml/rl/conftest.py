"""Reward models on the tiny policy, for the tests of what is learnt from them."""

from collections.abc import Callable

import pytest

from tests.training.ml import builders
from training.ml.run.rundir import ReleaseReference, RunDirectory

Training = Callable[..., RunDirectory]


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, comparisons: ReleaseReference, policy: RunDirectory
) -> Training:
    """A reward model on the policy, with these knobs; each is trained once."""
    known: dict[str, RunDirectory] = {}

    def train(**values: str) -> RunDirectory:
        key = str(sorted(values.items()))
        if key not in known:
            directory = tmp_path_factory.mktemp("runs") / "reward"
            known[key] = builders.make_run(
                directory,
                "rm",
                reference=comparisons,
                base=str(policy.model),
                values={"max_steps": "4", "learning_rate": "0.01"} | values,
            )
            builders.train(known[key])
        return known[key]

    return train

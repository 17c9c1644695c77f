"""What a run leaves behind when it ends."""

import pytest
from torch import distributed

from training.ml.run import environment


def test_a_group_of_processes_ends_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    environment.leave()
    assert distributed.is_initialized()  # a run on one process has none of its own
    monkeypatch.setenv("WORLD_SIZE", "2")
    environment.leave()
    assert not distributed.is_initialized()
    environment.leave()

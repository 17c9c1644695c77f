"""How many threads a run computes with."""

import pytest

from training.exceptions import InvalidKnob
from training.ml.knobs import MachineKnobs
from training.ml.run import machine


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("2,4", 2), (" 1 ", 1)])
def test_threads_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch, said: str, threads: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert machine.resolve(MachineKnobs(device="cpu")).threads == threads


def test_the_knob_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert machine.resolve(MachineKnobs(device="cpu", threads=5)).threads == 5


def test_without_either_all_cores_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert machine.resolve(MachineKnobs(device="cpu")).threads == machine.cores()


@pytest.mark.parametrize("said", ["many", "0", "-1", "1.5"])
def test_what_is_no_number_of_threads_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    with pytest.raises(InvalidKnob, match=f"OMP_NUM_THREADS={said}: expected a whole number from 1"):
        machine.resolve(MachineKnobs(device="cpu"))

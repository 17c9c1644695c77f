"""Where a run computes, and that it computes the same each time."""

import os
import random
from dataclasses import dataclass

import numpy as np
import torch

from training.exceptions import InvalidKnob
from training.ml.knobs import MachineKnobs


@dataclass(frozen=True, kw_only=True)
class Machine:
    device: str
    precision: str
    threads: int


def resolve(knobs: MachineKnobs) -> Machine:
    """Every `auto` decided.

    Raises:
        InvalidKnob: a device that this machine does not have, or OMP_NUM_THREADS is no number.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    device = knobs.device if knobs.device != "auto" else ("cuda" if present["cuda"] else "cpu")
    if not present[device]:
        raise InvalidKnob(f"device={device}: this machine has none; leave it at auto, or say device=cpu")
    precision = knobs.precision
    if precision == "auto":
        precision = "bf16" if device == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
    return Machine(device=device, precision=precision, threads=knobs.threads or threads())


def threads() -> int:
    """By OMP_NUM_THREADS, which may be a list by depth of nesting; a launcher sets it for each of its processes."""
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if not said:
        return cores()
    if not (said.isdecimal() and int(said)):
        raise InvalidKnob(f"OMP_NUM_THREADS={said}: expected a whole number from 1; unset it, or say threads=")
    return int(said)


def cores() -> int:
    """Cores this process may use: a container's share, not the machine's count."""
    return len(os.sched_getaffinity(0))


def make_deterministic(*, seed: int, threads: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    # warn_only: an operation without a deterministic kernel is told in the log, and the run goes on.
    torch.use_deterministic_algorithms(True, warn_only=True)

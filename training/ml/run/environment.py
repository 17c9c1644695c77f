"""What a run may touch: no network unless the user named a model of the hub, no telemetry, no noise on the screen.

Torch-free: `prepare` has to run before torch and transformers are imported, which read the environment once.
"""

import gc
import importlib
import logging
import os
import warnings
from pathlib import Path

from training.ml.backbones.sources import is_hub_name

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TRANSFORMERS_VERBOSITY": "error",  # its own handler writes to the screen
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",  # forked loaders would warn, and order must not depend on threads
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait stall each other on a shared machine
    "KMP_BLOCKTIME": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS is deterministic only with a fixed workspace
}
UNTOLD = {"WANDB_MODE": "disabled", "TRACKIO_DISABLE": "1"}
PROJECT = "rlhf-flywheel"  # where trackers file runs, unless WANDB_PROJECT names another place
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def prepare(*, base: str, log: Path, track: str = "") -> None:
    """Fix the environment; whatever libraries log or warn of goes into `log`, not to the screen.

    `track`: who is told of every step, if the user named somebody.
    """
    os.environ.update(QUIET)
    if not track:
        os.environ.update(UNTOLD)
    os.environ["WANDB_PROJECT"] = project()
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(log.parent / "tensorboard"))
    if not is_hub_name(base):
        os.environ.update(OFFLINE)
    logging.basicConfig(filename=log, level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.captureWarnings(True)
    warnings.simplefilter("default")


def project() -> str:
    return os.environ.get("WANDB_PROJECT") or PROJECT


def processes() -> int:
    """How many share the work, each with a batch of its own."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Under `accelerate launch` only rank 0 writes and holds the lock."""
    return os.environ.get("RANK", "0") == "0"


def leave() -> None:
    """End the group of processes while the interpreter stands: threads of gloo that outlive it may abort the process
    after all is done (pytorch#179291). Only after success: with others still at work it would wait for them."""
    if processes() > 1 and (distributed := importlib.import_module("torch.distributed")).is_initialized():
        gc.collect()  # wrappers of models hold the group too
        distributed.destroy_process_group()

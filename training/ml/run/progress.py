"""One bar with the time left, and one line in metrics.jsonl for every logging step."""

import math
import sys
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from tqdm import tqdm
from transformers import TrainerCallback

from training.exceptions import RunFailed
from training.ml.run import checkpoints, throughput
from training.ml.run.rundir import RunDirectory
from training.ml.run.throughput import Meter

COUNTERS = {"epoch", "num_tokens", "total_flos", "train_runtime"}  # restart or repeat on resume, or hold times
LOSSES = ("loss", "grad_norm", "train_loss", "eval_loss")


def bar(*, total: int, what: str, unit: str, done: int = 0) -> Any:
    return tqdm(total=total, initial=done, desc=what, unit=unit, file=sys.stderr, mininterval=0.5, dynamic_ncols=True)


class Progress(TrainerCallback):
    """Steps go to the bar, logged numbers to metrics.jsonl, speed and memory to timing.json; a checkpoint is sealed
    once it is written.

    Raises:
        RunFailed: the loss, or the weights at the end, are no numbers any more.
    """

    def __init__(self, directory: RunDirectory, *, what: str, meter: Meter) -> None:
        self.directory = directory
        self.what = what
        self.meter = meter
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.meter.begin()
        if state.is_world_process_zero:
            self.bar = bar(total=state.max_steps, what=self.what, unit="step", done=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **kwargs: Any) -> None:
        check_finite(logs, step=state.global_step, learning_rate=args.learning_rate)
        if not state.is_world_process_zero:
            return
        if "eval_loss" in logs:
            self.directory.append_metrics(
                {"step": state.global_step, "steps": state.max_steps, "held_out_loss": logs["eval_loss"]}
            )
        if "loss" not in logs:
            return
        numbers = {name: value for name, value in logs.items() if name not in COUNTERS and is_number(value)}
        numbers["tokens_per_second"] = round(self.meter.recent(), 1)
        self.directory.append_metrics({"step": state.global_step, "steps": state.max_steps, **numbers})
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, {numbers['tokens_per_second']:,.0f} tokens/s")

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            checkpoints.seal(self.directory.checkpoints, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.close()
        if not weights_are_finite(kwargs["model"]):
            raise RunFailed(no_number("the weights", step=state.global_step, learning_rate=args.learning_rate))
        if state.is_world_process_zero:
            throughput.note(self.directory, self.meter.describe())


def check_finite(logs: dict[str, Any], *, step: int, learning_rate: float) -> None:
    """The last steps of a run have no line of their own; they are in `train_loss`, the mean of all.

    Raises:
        RunFailed: the loss, or the gradient that was about to be followed, is no number.
    """
    if not all(math.isfinite(logs.get(name, 0.0)) for name in LOSSES):
        raise RunFailed(no_number("the loss", step=step, learning_rate=learning_rate))


def weights_are_finite(model: Any) -> bool:
    """Of the trained ones; each process looks at its own shards."""
    trained = (weight for weight in model.parameters() if weight.requires_grad)
    return all(
        bool(torch.isfinite(weight.to_local() if isinstance(weight, DTensor) else weight).all()) for weight in trained
    )


def no_number(what: str, *, step: int, learning_rate: float) -> str:
    return (
        f"{what} stopped being a number by step {step}: lower the learning rate "
        f"(--set learning_rate={learning_rate / 10:.1g}) and train again"
    )


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

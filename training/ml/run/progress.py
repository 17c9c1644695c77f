"""One bar with the time left, and one line in metrics.jsonl for every logging step."""

import math
import sys
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from training.exceptions import RunFailed
from training.ml.run import checkpoints
from training.ml.run.rundir import RunDirectory

COUNTERS = {"epoch", "num_tokens", "total_flos", "train_runtime"}  # restart or repeat on resume, or hold times


def bar(*, total: int, what: str, unit: str, done: int = 0) -> Any:
    return tqdm(total=total, initial=done, desc=what, unit=unit, file=sys.stderr, mininterval=0.5, dynamic_ncols=True)


class Progress(TrainerCallback):
    """Steps go to the bar, logged numbers to metrics.jsonl; a checkpoint is sealed once it is written.

    Raises:
        RunFailed: the loss is no number any more.
    """

    def __init__(self, directory: RunDirectory, *, what: str) -> None:
        self.directory = directory
        self.what = what
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.bar = bar(total=state.max_steps, what=self.what, unit="step", done=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **kwargs: Any) -> None:
        if not state.is_world_process_zero:
            return
        if "eval_loss" in logs:
            self.directory.append_metrics(
                {"step": state.global_step, "steps": state.max_steps, "held_out_loss": logs["eval_loss"]}
            )
        if "loss" not in logs:
            return
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs.get("grad_norm", 0.0))):
            raise RunFailed(
                f"the loss stopped being a number at step {state.global_step}: lower the learning rate "
                "(--set learning_rate=…) and train again"
            )
        numbers = {name: value for name, value in logs.items() if name not in COUNTERS and is_number(value)}
        self.directory.append_metrics({"step": state.global_step, "steps": state.max_steps, **numbers})
        if self.bar is not None:
            self.bar.set_postfix(loss=f"{logs['loss']:.3f}")

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            checkpoints.seal(self.directory.checkpoints, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.bar is not None:
            self.bar.close()


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

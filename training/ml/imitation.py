"""TRL's SFTTrainer with two things of ours: exact attention over packed batches, and a held-out loss per token.

TRL packs by giving the model one row with positions that start again, and leaves it to flash attention to keep the
conversations in it apart. `attention.over` does so on any device and without the square of the row in work or
memory; all else of the step is TRL's. The held-out loss is the report's: over all answer tokens alike, where the
Trainer's own would average batches.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import Trainer, TrainerCallback
from trl import SFTTrainer

from training.exceptions import RunFailed
from training.ml import scoring
from training.ml.data.conversations import Tokens
from training.ml.packed import attention, packing
from training.ml.packed.attention import Block, Layout

BOUNDARIES = ("cu_seq_lens_k", "max_length_q", "max_length_k", "seq_idx")  # for flash attention; said by the layout


class ImitationTrainer(SFTTrainer):
    """`held_out`: what `evaluate` measures. With `args.padding_free` a batch is one packed row."""

    def __init__(self, *, held_out: Sequence[Tokens], pad: int, **kwargs: Any) -> None:
        self.held_out = held_out
        self.pad = pad
        super().__init__(**kwargs)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if not self.padding_free:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        row = {name: value for name, value in inputs.items() if name not in BOUNDARIES}
        layout = layout_of(row.pop("cu_seq_lens_q"))
        with attention.over(packing.plain(self.model).base_model, layout):
            return super().compute_loss(model, row, return_outputs, num_items_in_batch)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        found = loss(self.model, self.held_out, pad=self.pad)
        metrics = {f"{metric_key_prefix}_loss": found} if found is not None else {}
        Trainer.log(self, metrics)  # TRL's would add what it gathered of the training batches
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def layout_of(boundaries: Tensor) -> Layout:
    """`boundaries`: (N + 1,) where each of N conversations begins in the row, and the row's end."""
    return Layout(tuple(Block(prompt=length) for length in boundaries.diff().tolist()))


def loss(model: Any, examples: Sequence[Tokens], *, pad: int) -> float | None:
    """Mean negative log-likelihood per answer token; None without examples."""
    if not examples:
        return None
    log_probs = scoring.answer_log_probs(model, examples, pad=pad)
    return -sum(log_probs) / sum(len(tokens.answer) for tokens in examples)


class Best(TrainerCallback):
    """Keeps hold of the best checkpoint of a run that was moved: the trainer notes where it lay, and forgets it in
    silence if it lies there no more."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """
        Raises:
            RunFailed: it is gone.
        """
        if not state.best_global_step:
            return
        path = Path(args.output_dir) / f"checkpoint-{state.best_global_step}"
        if not path.is_dir():
            raise RunFailed(f"{path} is gone, the best one so far: restore it, or remove checkpoints/ to begin anew")
        state.best_model_checkpoint = str(path)


class Patience(TrainerCallback):
    """Stops after `patience` measurements in a row without a new lowest held-out loss.

    Counts what stands in the trainer's own history, so that a resumed run counts as an undisturbed one. The last of
    these checkpoints is not written: a run that is killed now measures once more, and stops at the same step.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        losses = [line["eval_loss"] for line in state.log_history if "eval_loss" in line]
        if len(losses) - 1 - losses.index(min(losses)) >= self.patience:
            control.should_training_stop = True
            control.should_save = False
        return control

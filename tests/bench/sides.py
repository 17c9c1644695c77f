"""One training of one side, timed: ours in its three steps, or TRL's trainer on the expanded pairs.

Every side learns from the same comparisons, from the same weights on, within one budget of tokens for a forward pass;
an optimiser step holds the same number of prompts where the budget allows. What comes before the second step is timed
for nobody: models, trainers, the reference's log-probs.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
    PrinterCallback,
    TrainerCallback,
    TrainingArguments,
)
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

from tests.bench.rankings import SPECIAL, VOCAB, Case, Model
from training.ml import dpo, reference, reward, scoring
from training.ml.backbones.tiny import HEAD_WIDTH
from training.ml.data import batches
from training.ml.data.batches import Item
from training.ml.knobs import DpoKnobs, RewardKnobs
from training.ml.ranking import RankingTrainer, Reading
from training.ml.reference import Reference

SHARED = Reading(packed=True, shared=True, why_not=None, pad=0)
READINGS = {
    "ours": SHARED,
    "grouped": Reading(packed=False, shared=False, why_not="measured so", pad=0),
    "de-padded": Reading(packed=True, shared=False, why_not="measured so", pad=0),
}
SIDES = (*READINGS, "TRL")
TASKS = ("rm", "dpo")
MEGABYTE = 1024  # in kB, as the kernel counts


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is to be measured. `budget`: tokens of one forward pass."""

    task: str
    side: str
    model: Model
    case: Case
    budget: int
    threads: int
    seed: int
    rate: float = 1e-5
    epochs: int = 1
    precision: str = "fp32"


@dataclass(frozen=True, kw_only=True)
class Found:
    """`comparisons` and `seconds`: of all steps but the first; `cpu`: seconds of all threads together in these.

    `tokens`: computed in the epoch, padding with it.

    `megabytes`: the peak of the process over what it held before the model was made.
    """

    comparisons: int
    seconds: float
    cpu: float
    megabytes: float
    tokens: int
    steps: int
    loss: float


class Clock(TrainerCallback):
    """From the first step's end to the last one's: in the first the optimiser gets its memory."""

    start: float | None = None

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        if self.start is None:
            self.start, self.cpu_start = time.perf_counter(), time.process_time()

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        self.seconds, self.cpu = time.perf_counter() - self.start, time.process_time() - self.cpu_start


class Counting:
    """Adds up the tokens that TRL's trainers compute."""

    tokens = 0

    def compute_loss(self, model: Any, inputs: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        self.tokens += inputs["input_ids"].numel()
        return super().compute_loss(model, inputs, *args, **kwargs)  # type: ignore[misc]


class PairsRewardTrainer(Counting, RewardTrainer):
    pass


class PairsDPOTrainer(Counting, DPOTrainer):
    """On tokens, with the reference's log-probs given."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset

    def _precompute_ref_logps(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset


def measured(training: Training) -> Found:
    """One epoch."""
    torch.set_num_threads(training.threads)
    items = training.case.items(seed=training.seed)
    before = memory("VmRSS")
    trainer, clock = run(training, made(training), items)
    return Found(
        comparisons=sum(len(item.edges) for item in items) - of_first_step(trainer, training.case),
        seconds=clock.seconds,
        cpu=clock.cpu,
        megabytes=memory("VmHWM") - before,
        tokens=tokens_of(trainer),
        steps=trainer.state.global_step,
        loss=trainer.state.log_history[-1]["train_loss"],
    )


def of_first_step(trainer: Any, case: Case) -> int:
    """Comparisons."""
    if isinstance(trainer, RankingTrainer):
        return sum(len(item.edges) for item in trainer.train_dataset[0])
    return case.together * case.pairs


def memory(name: str) -> float:
    """MB of this process, as Linux counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / MEGABYTE


def run(training: Training, model: Any, items: Sequence[Item], *, how: Reading | None = None) -> tuple[Any, Clock]:
    """The trainer after its training. `how`: in which way ours reads a batch, if not as its side's name says."""
    known = known_of(model, items) if training.task == "dpo" else {}
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        trainer: Any = (
            of_trl(training, model, items, known, Path(scratch))
            if training.side == "TRL"
            else of_ours(training, model, items, known, Path(scratch), how=how or READINGS[training.side])
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(clock)
        trainer.train()
    return trainer, clock


def made(training: Training) -> Any:
    torch.manual_seed(training.seed)
    width, kind = training.model.width, LlamaForCausalLM if training.task == "dpo" else LlamaForSequenceClassification
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=training.model.layers,
        num_attention_heads=width // HEAD_WIDTH,
        tie_word_embeddings=True,
        num_labels=1,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    return kind(config)


def known_of(model: Any, items: Sequence[Item]) -> dict[bytes, float]:
    """The reference's log-probs, the same for both sides."""

    def compute(row: Sequence[Item]) -> list[float]:
        with scoring.evaluating(model):
            return dpo.log_probs(model, row, SHARED).tolist()

    return reference.computed([[item] for item in items], compute=compute)


def arguments(training: Training, scratch: Path) -> dict[str, Any]:
    """For every side."""
    return {
        "output_dir": str(scratch),
        "num_train_epochs": training.epochs,
        "learning_rate": training.rate,
        "lr_scheduler_type": "constant",
        "adam_epsilon": 1e-5,
        "max_grad_norm": 1.0,
        "seed": training.seed,
        "logging_strategy": "no",
        "save_strategy": "no",
        "bf16": training.precision == "bf16",
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "report_to": "none",
    }


def of_ours(
    training: Training,
    model: Any,
    items: Sequence[Item],
    known: Mapping[bytes, float],
    scratch: Path,
    *,
    how: Reading,
) -> RankingTrainer:
    drawn = [
        batches.plan(items, budget=training.budget, most=training.case.together, seed=seed, shared=how.shared)
        for seed in range(training.seed, training.seed + training.epochs)
    ]
    loss: Any = (
        dpo.PreferenceLoss(knobs=DpoKnobs(), reading=how, base=Reference(values=known, known=0))
        if training.task == "dpo"
        else reward.RewardLoss(knobs=RewardKnobs(centering=0.0), reading=how)
    )
    return RankingTrainer(
        model=model,
        args=TrainingArguments(
            **arguments(training, scratch) | {"num_train_epochs": 1},  # the batches are those of all epochs
            per_device_train_batch_size=1,
            train_sampling_strategy="sequential",
            remove_unused_columns=False,
        ),
        batches=[batch for epoch in drawn for batch in epoch.batches],
        loss=loss,
        weight=loss.weight,
    )


def of_trl(
    training: Training, model: Any, items: Sequence[Item], known: Mapping[bytes, float], scratch: Path
) -> RewardTrainer | DPOTrainer:
    """Padding to the longest of the batch alone; everything computed once, as with ours."""
    a_pass = training.case.pairs_a_pass(budget=training.budget)
    values = {
        **arguments(training, scratch),
        "per_device_train_batch_size": a_pass,
        "gradient_accumulation_steps": training.case.together * training.case.pairs // a_pass,
        "max_length": None,
        "pad_to_multiple_of": None,
        "activation_checkpointing": False,
        "gradient_checkpointing": False,
    }
    if training.task == "rm":
        return PairsRewardTrainer(
            model=model,
            args=RewardConfig(**values),
            train_dataset=conversations(items),
            processing_class=tokenizer(),
        )
    return PairsDPOTrainer(
        model=model,
        args=DPOConfig(**values, beta=DpoKnobs().beta, precompute_ref_log_probs=True),
        train_dataset=preferences(items, known),
        processing_class=tokenizer(),
    )


def conversations(items: Sequence[Item]) -> Dataset:
    return Dataset.from_list(
        [
            {
                "chosen_ids": item.prompt + item.answers[edge.better],
                "rejected_ids": item.prompt + item.answers[edge.worse],
            }
            for item in items
            for edge in item.edges
        ]
    )


def preferences(items: Sequence[Item], known: Mapping[bytes, float]) -> Dataset:
    return Dataset.from_list(
        [
            {
                "prompt_ids": item.prompt,
                "chosen_ids": item.answers[edge.better],
                "rejected_ids": item.answers[edge.worse],
                "ref_chosen_logps": known[reference.key(item.prompt, item.answers[edge.better])],
                "ref_rejected_logps": known[reference.key(item.prompt, item.answers[edge.worse])],
            }
            for item in items
            for edge in item.edges
        ]
    )


def tokenizer() -> Any:
    """TRL's trainers ask one for the padding token; nothing is tokenised."""
    words = {f"w{number}": number for number in range(VOCAB)}
    pad, begin, end = list(words)[:SPECIAL]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token=pad)),
        pad_token=pad,
        bos_token=begin,
        eos_token=end,
    )


def tokens_of(trainer: Any) -> int:
    """Computed in the epoch."""
    if isinstance(trainer, RankingTrainer):
        return sum(trainer.loss.reading.tokens(batch) for batch in trainer.train_dataset)
    return trainer.tokens

"""What all three trainers share: one table of arguments, and a fit that goes on from the last whole checkpoint."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import PrinterCallback

from training.exceptions import RunFailed
from training.ml.knobs import TrainingKnobs
from training.ml.run import checkpoints, sharding, weights
from training.ml.run.environment import is_main_process, processes
from training.ml.run.jobs import Job
from training.ml.run.progress import Progress
from training.ml.run.rundir import RunDirectory
from training.ml.run.throughput import Meter

CHECKPOINTS_A_RUN = 10
MOST_STEPS_APART = 200
TO_SAVE_MEMORY = (
    "lower batch_size (and raise accumulate by as much), max_length or (rm, dpo) max_tokens, or set "
    "gradient_checkpointing=true"
)


def total_steps(*, examples: int, epochs: float, knobs: TrainingKnobs) -> int:
    """Optimiser steps of the whole run, over all processes."""
    share = math.ceil(examples / processes())
    an_epoch = math.ceil(math.ceil(share / knobs.batch_size) / knobs.accumulate)
    return knobs.max_steps or math.ceil(an_epoch * epochs)


def save_steps(*, steps: int, knobs: TrainingKnobs) -> int:
    """A multiple of the logging steps: then a resumed run averages its losses over the same steps."""
    wanted = knobs.save_steps or min(math.ceil(steps / CHECKPOINTS_A_RUN), MOST_STEPS_APART)
    return rounded(wanted, knobs=knobs)


def rounded(steps: int, *, knobs: TrainingKnobs) -> int:
    """Up to a multiple of the logging steps."""
    return math.ceil(steps / knobs.logging_steps) * knobs.logging_steps


def arguments(job: Job[Any], *, examples: int, epochs: float, learning_rate: float) -> dict[str, Any]:
    """Keyword arguments for TRL's configs."""
    steps = total_steps(examples=examples, epochs=epochs, knobs=job.knobs)
    return {
        **shared(job, steps=steps, learning_rate=learning_rate),
        "num_train_epochs": epochs,
        "per_device_train_batch_size": job.knobs.batch_size,
        "max_length": None,  # conversations.Encoder has cut and counted already
        "pad_to_multiple_of": None,
    }


def shared(job: Job[Any], *, steps: int, learning_rate: float) -> dict[str, Any]:
    """Keyword arguments that every trainer takes. Nothing is sent anywhere, nothing is drawn but by the seed."""
    knobs, machine = job.knobs, job.machine
    return {
        "output_dir": str(job.directory.checkpoints),
        "max_steps": steps,
        "gradient_accumulation_steps": knobs.accumulate,
        "learning_rate": learning_rate,
        "lr_scheduler_type": "cosine_with_min_lr",
        "lr_scheduler_kwargs": {"min_lr_rate": knobs.final_rate},
        "warmup_steps": math.ceil(knobs.warmup_share * steps),
        "weight_decay": knobs.weight_decay,
        "adam_epsilon": knobs.adam_epsilon,
        "max_grad_norm": knobs.gradient_clip,
        "seed": job.config.seed,
        "data_seed": job.config.seed,
        "logging_steps": knobs.logging_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": save_steps(steps=steps, knobs=knobs),
        "save_total_limit": 2,
        "bf16": machine.precision == "bf16",
        "use_cpu": machine.device == "cpu",
        "dataloader_pin_memory": machine.device == "cuda",
        "activation_checkpointing": knobs.gradient_checkpointing,
        "disable_tqdm": True,
        "report_to": "none",
    }


def fit(trainer: Any, *, directory: RunDirectory, what: str, examples: int | None = None) -> dict[str, Any]:
    """Train to the end, from the last whole checkpoint if there is one; the `train` part of the report.

    `examples`: what the report calls so; None: the elements of the trainer's dataset.

    Raises:
        RunFailed: the loss is no number, the memory of the device ran out, or as many processes as before are not
            there to go on.
    """
    found = checkpoints.last_complete(directory.checkpoints)
    if found:
        check_processes(found[1])
    if is_main_process():
        directory.forget_metrics_after(found[0] if found else 0)
    trainer.remove_callback(PrinterCallback)
    meter = Meter(processes=processes())
    trainer.data_collator = meter.counting(trainer.data_collator)
    trainer.add_callback(Progress(directory, what=what, meter=meter))
    with memory_told(TO_SAVE_MEMORY), sharding.made_whole(trainer):
        trainer.train(resume_from_checkpoint=str(found[1]) if found else None)
    counted = len(trainer.train_dataset) if examples is None else examples
    return summary(trainer, directory.read_metrics(), examples=counted)


@contextmanager
def memory_told(advice: str) -> Iterator[None]:
    """
    Raises:
        RunFailed: the memory of the device ran out in the block.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise RunFailed(f"the GPU's memory ran out: {advice}") from None


def check_processes(checkpoint: Path) -> None:
    """With another number of them a step would hold other data, and the schedule another length."""
    before = checkpoints.processes_of(checkpoint)
    if before != processes():
        raise RunFailed(
            f"this run was begun with {before} process{'es' if before > 1 else ''} and has {processes()} now: go on "
            "with the launcher that it was begun with, or remove its checkpoints/ to begin anew"
        )


def merged(trainer: Any, job: Job[Any]) -> Any:
    """The trained model as plain weights; under LoRA the adapter is kept in adapter/."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not job.adapters:
        return model
    weights.save(job.directory.adapter, model, job.base.tokenizer)
    return model.merge_and_unload()


def trained(trainer: Any, job: Job[Any]) -> Any:
    """The same, saved in model/."""
    model = merged(trainer, job)
    weights.save(job.directory.model, model, job.base.tokenizer)
    return model


def summary(trainer: Any, metrics: list[dict[str, Any]], *, examples: int) -> dict[str, Any]:
    """Before adapters are merged: only now is it known which parameters were trained."""
    parameters = list(trainer.model.parameters())
    losses = [line["loss"] for line in metrics if "loss" in line]
    return {
        "examples": examples,
        "steps": trainer.state.global_step,
        "trained_parameters": sum(p.numel() for p in parameters if p.requires_grad),
        "parameters": sum(p.numel() for p in parameters),
        "loss_first": losses[0] if losses else None,
        "loss_last": losses[-1] if losses else None,
    }


def resolved(trainer: Any, job: Job[Any], **more: Any) -> dict[str, Any]:
    """What every `auto` became; `more` goes over it."""
    return {
        "device": job.machine.device,
        "precision": job.machine.precision,
        "threads": job.machine.threads,
        "lora": job.adapters,
        "learning_rate": trainer.args.learning_rate,
        "epochs": trainer.args.num_train_epochs,
        "max_length": job.encoder.max_length,
        "save_steps": trainer.args.save_steps,
        **more,
    }

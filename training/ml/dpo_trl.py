"""DPO by TRL's own trainer, for the losses that `dpo` does not have: `--set trainer=trl loss=apo_zero`.

Every strict pair of every judgement is an example by itself, as TRL has it: its two answers are encoded for each pair
that they stand in, batches are padded, ties and the weights of judgements say nothing. Without adapters the reference
is a second copy of the model. The losses are described in TRL's documentation of `DPOConfig.loss_type`.
"""

import copy
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from training.ml import preferences, scoring
from training.ml.backbones import lora
from training.ml.knobs import DpoKnobs
from training.ml.preferences import Scores, TokenPair
from training.ml.run import loop
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job


class TokenisedDPOTrainer(DPOTrainer):
    """TRL's trainer on pairs that are tokens already: cut and counted by us, as for every other kind of run."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset


def run(job: Job[DpoKnobs], *, learning_rate: float, model: Any) -> None:
    """`model`: the base, which is the reference."""
    found = preferences.of_job(job)
    measured = [*found.held_out, *found.train_sample]
    before = log_probs(model, measured, pad=job.pad)
    trainer = trainer_of(job, model, found.train, learning_rate=learning_rate)
    train = loop.fit(trainer, directory=job.directory, what="DPO (TRL)")
    if not is_main_process():
        return
    after = log_probs(loop.trained(trainer, job), measured, pad=job.pad)
    beta = job.knobs.beta
    scores = [
        Scores(beta * (now.chosen - then.chosen), beta * (now.rejected - then.rejected))
        for now, then in zip(after, before, strict=True)
    ]
    preferences.report(
        job,
        what="DPO (TRL, implicit reward)",
        preferences=found,
        scores=scores[: len(found.held_out)],
        train_scores=scores[len(found.held_out) :],
        trainer=trainer,
        train=train,
    )


def trainer_of(
    job: Job[DpoKnobs], model: Any, train: Sequence[TokenPair], *, learning_rate: float
) -> TokenisedDPOTrainer:
    knobs = job.knobs
    arguments = loop.arguments(job, examples=len(train), epochs=knobs.epochs, learning_rate=learning_rate)
    return TokenisedDPOTrainer(
        model=model,
        ref_model=None if job.adapters else copy.deepcopy(model),
        args=DPOConfig(**arguments, beta=knobs.beta, loss_type=[knobs.loss], label_smoothing=knobs.label_smoothing),
        train_dataset=dataset(train),
        processing_class=job.base.tokenizer,
        peft_config=lora.config(knobs, model, classifier=False) if job.adapters else None,
    )


def dataset(train: Sequence[TokenPair]) -> Dataset:
    """In memory: nothing is cached outside the run. A pair's two prompts differ only where one was cut shorter."""
    return Dataset.from_dict(
        {
            "prompt_ids": [min(pair.chosen.prompt, pair.rejected.prompt, key=len) for pair in train],
            "chosen_ids": [pair.chosen.answer for pair in train],
            "rejected_ids": [pair.rejected.answer for pair in train],
        }
    )


def log_probs(model: Any, pairs: Sequence[TokenPair], *, pad: int) -> list[Scores]:
    """log p(chosen) and log p(rejected) of each pair."""
    chosen = scoring.answer_log_probs(model, [pair.chosen for pair in pairs], pad=pad)
    rejected = scoring.answer_log_probs(model, [pair.rejected for pair in pairs], pad=pad)
    return [Scores(*both) for both in zip(chosen, rejected, strict=True)]

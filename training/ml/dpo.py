"""Direct preference optimisation: the policy learns from pairs without a reward model (DPO, 2305.18290).

    loss = -log σ(β · [log π(chosen)/ref(chosen) - log π(rejected)/ref(rejected)])

The reference is the base: under LoRA the same weights with the adapters off, else a second copy. Held-out accuracy is
that of the implicit reward β · log π/ref. Left out for now: rankings as one batch element, cached reference.

    python -m training.ml runs/<name>        # config.json: {"kind": "dpo", …}
"""

import copy
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from training.ml import bases, jobs, loop, lora, preferences, scoring
from training.ml.environment import is_main_process
from training.ml.jobs import Job
from training.ml.knobs import DpoKnobs
from training.ml.preferences import TokenPair
from training.ml.rundir import Config, RunDirectory

RATES = {"full": 1e-6, "lora": 1e-5, "small": 2e-4}  # as the knob's text says


class TokenisedDPOTrainer(DPOTrainer):
    """TRL's trainer on pairs that are tokens already: cut and counted by us, as for every other kind of run."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset


def run(directory: RunDirectory, config: Config, knobs: DpoKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    found = preferences.of_job(job)
    job.seed()
    model = bases.load_causal(job.base, machine=job.machine)
    before = log_ratios(model, found.held_out, pad=job.pad)
    trainer = trainer_of(job, model, found.train)
    train = loop.fit(trainer, directory=directory, what="DPO")
    if not is_main_process():
        return
    after = log_ratios(loop.trained(trainer, job), found.held_out, pad=job.pad)
    margins = [now - then for now, then in zip(after, before, strict=True)]
    preferences.report(
        job, what="DPO (implicit reward)", preferences=found, margins=margins, trainer=trainer, train=train
    )


def trainer_of(job: Job[DpoKnobs], model: Any, train: Sequence[TokenPair]) -> TokenisedDPOTrainer:
    arguments = loop.arguments(
        job, examples=len(train), epochs=job.knobs.epochs, learning_rate=job.learning_rate(model, **RATES)
    )
    return TokenisedDPOTrainer(
        model=model,
        ref_model=None if job.adapters else copy.deepcopy(model),
        args=DPOConfig(**arguments, beta=job.knobs.beta, label_smoothing=job.knobs.label_smoothing),
        train_dataset=dataset(train),
        processing_class=job.base.tokenizer,
        peft_config=lora.config(job.knobs, classifier=False) if job.adapters else None,
    )


def dataset(train: Sequence[TokenPair]) -> Dataset:
    """In memory: nothing is cached outside the run. A pair's two prompts differ only where one was cut shorter."""
    return Dataset.from_dict(
        {
            "prompt_ids": [shorter_prompt(example) for example in train],
            "chosen_ids": [example.chosen.answer for example in train],
            "rejected_ids": [example.rejected.answer for example in train],
        }
    )


def shorter_prompt(example: TokenPair) -> list[int]:
    return min(example.chosen.prompt, example.rejected.prompt, key=len)


def log_ratios(model: Any, pairs: Sequence[TokenPair], *, pad: int) -> list[float]:
    """log p(chosen) - log p(rejected) of each pair."""
    chosen = scoring.answer_log_probs(model, [example.chosen for example in pairs], pad=pad)
    rejected = scoring.answer_log_probs(model, [example.rejected for example in pairs], pad=pad)
    return [better - worse for better, worse in zip(chosen, rejected, strict=True)]

"""Reward model: a score per conversation, trained so that preferred answers score higher (Bradley-Terry).

    loss = -log σ(r(chosen) - r(rejected) - margin) + centering · (r(chosen) + r(rejected))²

Source: InstructGPT (2203.02155, §3.5), margin after Llama 2 (2307.09288), centering after 2312.09244. The head starts
at N(0, 1/(d+1)) (2403.17031). Left out for now: all pairs of a ranking in one batch element, ties, weights.
The backbone is a decoder (score at the last token) or a BERT-like encoder (its classification head).

    python -m training.ml runs/<name>        # config.json: {"kind": "rm", …}
"""

import math
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from torch import nn
from trl import RewardConfig, RewardTrainer

from training.ml import bases, jobs, loop, lora, preferences, scoring
from training.ml.environment import is_main_process
from training.ml.jobs import Job
from training.ml.knobs import RewardKnobs
from training.ml.preferences import TokenPair
from training.ml.rundir import Config, RunDirectory

RATES = {"full": 9e-6, "lora": 1e-4, "small": 1e-3}  # as the knob's text says


def run(directory: RunDirectory, config: Config, knobs: RewardKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    found = preferences.of_job(job)
    trainer = trainer_of(job, found.train)
    train = loop.fit(trainer, directory=directory, what="Reward model")
    if not is_main_process():
        return
    margins = held_out_margins(loop.trained(trainer, job), found.held_out, pad=job.pad)
    preferences.report(job, what="Reward model", preferences=found, margins=margins, trainer=trainer, train=train)


def trainer_of(job: Job[RewardKnobs], train: Sequence[TokenPair]) -> RewardTrainer:
    job.seed()
    model, fresh = bases.load_classifier(job.base, machine=job.machine)
    initialise_head(model, fresh)
    arguments = loop.arguments(
        job, examples=len(train), epochs=job.knobs.epochs, learning_rate=job.learning_rate(model, **RATES)
    )
    return RewardTrainer(
        model=model,
        args=RewardConfig(**arguments, center_rewards_coefficient=job.knobs.centering or None),
        train_dataset=dataset(train, margins=job.knobs.margin == "strength"),
        processing_class=job.base.tokenizer,
        peft_config=lora.config(job.knobs, classifier=True, trained_whole=fresh) if job.adapters else None,
    )


def initialise_head(model: Any, fresh: Sequence[str]) -> None:
    """A head that the base did not bring: N(0, 1/(d+1)), so that rewards start of one size for every width."""
    for name in fresh:
        layer = model.get_submodule(name)
        if isinstance(layer, nn.Linear) and layer.out_features == 1:
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features + 1))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def dataset(train: Sequence[TokenPair], *, margins: bool) -> Dataset:
    """In memory: nothing is cached outside the run."""
    columns: dict[str, Any] = {
        "chosen_ids": [example.chosen.ids for example in train],
        "rejected_ids": [example.rejected.ids for example in train],
    }
    if margins:
        columns["margin"] = [example.pair.margin for example in train]
    return Dataset.from_dict(columns)


def held_out_margins(model: Any, held_out: Sequence[TokenPair], *, pad: int) -> list[float]:
    chosen = scoring.score(model, [example.chosen.ids for example in held_out], pad=pad)
    rejected = scoring.score(model, [example.rejected.ids for example in held_out], pad=pad)
    return [better - worse for better, worse in zip(chosen, rejected, strict=True)]

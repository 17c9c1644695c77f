"""Supervised fine-tuning: the policy imitates demonstrations, with the loss on the answer only.

Demonstrations are rows with one answer by people and answers that annotators wrote or edited; a release without any
can be imitated through its best-ranked answers. Left out for now: packing, weights.

    python -m training.ml runs/<name>        # config.json: {"kind": "sft", …}
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from training.exceptions import InvalidRelease
from training.ml import scoring
from training.ml.backbones import bases, lora
from training.ml.data.conversations import Encoder, Tokens
from training.ml.data.releases import Message, Row
from training.ml.knobs import SftKnobs
from training.ml.reporting import reports
from training.ml.run import jobs, loop
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job
from training.ml.run.rundir import Config, RunDirectory, write_json

RATES = {"full": 2e-5, "lora": 2e-4, "small": 3e-3}  # as the knob's text says
EPOCHS, EPOCHS_FROM_NOTHING = 1.0, 4.0


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    prompt: list[Message]
    answer: str


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """`kind`: what is imitated, demonstrations or best."""

    kind: str
    found: int
    train: list[Tokens]
    held_out: list[Tokens]


def run(directory: RunDirectory, config: Config, knobs: SftKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    found = demonstrations_of(job)
    job.seed()
    model = bases.load_causal(job.base, machine=job.machine)
    before = loss(model, found.held_out, pad=job.pad)
    trainer = trainer_of(job, model, found.train)
    train = loop.fit(trainer, directory=directory, what="Fine-tuning")
    if is_main_process():
        after = loss(loop.trained(trainer, job), found.held_out, pad=job.pad)
        report(job, found, before=before, after=after, trainer=trainer, train=train)


def demonstrations_of(job: Job[SftKnobs]) -> Demonstrations:
    """
    Raises:
        InvalidRelease: nothing to imitate, or nothing that fits the context.
    """
    train = [row for row in job.release.rows if row.split == "train"]
    held_out = [row for row in job.release.rows if row.split == "test"]
    kind = job.knobs.answers
    if kind == "auto":
        kind = "demonstrations" if any(demonstrated(train)) else "best"
    imitated = {"demonstrations": demonstrated, "best": best}[kind]
    shown = list(imitated(train))
    if not shown:
        raise InvalidRelease(
            f"the release at {job.release.path} holds no answer to imitate in its train split ({kind})"
        )
    kept = encode(shown, encoder=job.encoder)
    if not kept:
        raise InvalidRelease(
            f"all {len(shown)} training answers are over {job.encoder.max_length} tokens: raise max_length (and, for "
            "the base tiny, tiny_context)"
        )
    return Demonstrations(
        kind=kind, found=len(shown), train=kept, held_out=encode(imitated(held_out), encoder=job.encoder)
    )


def demonstrated(rows: Iterable[Row]) -> Iterable[Demonstration]:
    """What people wrote themselves."""
    for row in rows:
        if row.is_demonstration:
            yield Demonstration(prompt=row.prompt, answer=row.responses[0].text)
        for judgement in row.judgements:
            if judgement.written:
                yield Demonstration(prompt=row.prompt, answer=judgement.written)
            for _, text in sorted(judgement.edited.items()):
                yield Demonstration(prompt=row.prompt, answer=text)


def best(rows: Iterable[Row]) -> Iterable[Demonstration]:
    """Every answer that some judgement put into its best tie group, once, if anything was ranked below it."""
    for row in rows:
        winners = {position for j in row.judgements if len(j.ranking) > 1 for position in j.ranking[0]}
        for position in sorted(winners):
            yield Demonstration(prompt=row.prompt, answer=row.responses[position].text)


def encode(shown: Iterable[Demonstration], *, encoder: Encoder) -> list[Tokens]:
    encoded = (encoder.encode(item.prompt, item.answer) for item in shown)
    return [tokens for tokens in encoded if tokens is not None]


def trainer_of(job: Job[SftKnobs], model: Any, train: Sequence[Tokens]) -> SFTTrainer:
    epochs = job.knobs.epochs or (EPOCHS_FROM_NOTHING if job.base.starts_from_nothing else EPOCHS)
    arguments = loop.arguments(
        job, examples=len(train), epochs=epochs, learning_rate=job.learning_rate(model, **RATES)
    )
    return SFTTrainer(
        model=model,
        args=SFTConfig(**arguments, dataset_kwargs={"skip_prepare_dataset": True}),
        train_dataset=dataset(train),
        processing_class=job.base.tokenizer,
        peft_config=lora.config(job.knobs, classifier=False) if job.adapters else None,
    )


def dataset(train: Sequence[Tokens]) -> Dataset:
    """In memory: nothing is cached outside the run."""
    return Dataset.from_dict(
        {
            "input_ids": [tokens.ids for tokens in train],
            "labels": [[scoring.NO_LABEL] * len(tokens.prompt) + tokens.answer for tokens in train],
        }
    )


def loss(model: Any, examples: Sequence[Tokens], *, pad: int) -> float | None:
    """Mean negative log-likelihood per answer token; None without examples."""
    if not examples:
        return None
    log_probs = scoring.answer_log_probs(model, examples, pad=pad)
    return -sum(log_probs) / sum(len(tokens.answer) for tokens in examples)


def report(
    job: Job[SftKnobs],
    found: Demonstrations,
    *,
    before: float | None,
    after: float | None,
    trainer: SFTTrainer,
    train: dict[str, Any],
) -> None:
    held_out = {"loss_before": before, "loss_after": after, "n": len(found.held_out)}
    data = {
        "release_hash": job.release.hash,
        "answers": found.kind,
        "train_answers": found.found,
        "train_tokens": sum(len(tokens.ids) for tokens in found.train),
        **job.encoder.lengths.as_dict(),
    }
    assembled = reports.assemble(
        config=job.config,
        headline=reports.loss_headline(held_out),
        warnings=[*job.base.warnings, *reports.length_warnings(data), *reports.loss_warnings(held_out)],
        base=job.base.describe(),
        resolved=loop.resolved(trainer, job),
        held_out=held_out,
        train=train,
        data=data,
    )
    write_json(job.directory.report, assembled)

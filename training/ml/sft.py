"""Supervised fine-tuning: the policy imitates demonstrations, with the loss on the answer only.

Demonstrations are rows with one answer by people, answers that annotators wrote or edited, and conversations from
files; a release without any can be imitated through its best-ranked answers. General conversations may be mixed in,
and what was forgotten is measured. Left out: weights of judgements.

    python -m training.ml runs/<name>        # config.json: {"kind": "sft", …}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from trl import SFTConfig

from training.exceptions import InvalidRelease
from training.ml import demonstrations, forgetting, imitation, mixing, scoring
from training.ml.backbones import bases, lora
from training.ml.data.conversations import Tokens
from training.ml.demonstrations import Demonstrations
from training.ml.imitation import Best, ImitationTrainer, Patience
from training.ml.knobs import SftKnobs
from training.ml.mixing import Mix
from training.ml.packed import sharing
from training.ml.reporting import curves, reports
from training.ml.run import jobs, loop
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job
from training.ml.run.rundir import Config, RunDirectory, write_json

RATES = {"full": 2e-5, "lora": 2e-4, "small": 3e-3}  # as the knob's text says
EPOCHS, EPOCHS_FROM_NOTHING = 1.0, 4.0


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a run learns from. `packed`: in rows without padding."""

    shown: Demonstrations
    mix: Mix | None
    packed: bool

    @property
    def train(self) -> list[Tokens]:
        return [*self.shown.train, *(self.mix.examples if self.mix else ())]


def run(directory: RunDirectory, config: Config, knobs: SftKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    shown = demonstrations.demonstrations_of(job)
    check_patience(job, shown)
    mix = mixing.mix_of(job, own=len(shown.train))
    job.seed()
    model = bases.load_causal(job.base, machine=job.machine)
    packed = knobs.packing and sharing.packable(model, longest=job.encoder.max_length)
    material = Material(shown=shown, mix=mix, packed=packed)
    before = imitation.loss(model, shown.held_out, pad=job.pad)
    kept = forgetting.measured(job, model)
    trainer = trainer_of(job, model, material)
    train = loop.fit(trainer, directory=directory, what="Fine-tuning")
    if is_main_process():
        model = loop.trained(trainer, job)
        held_out = {
            "loss_before": before,
            "loss_after": imitation.loss(model, shown.held_out, pad=job.pad),
            "n": len(shown.held_out),
            "forgetting": kept.report(model, pad=job.pad) if kept else None,
        }
        report(job, material, held_out=held_out, trainer=trainer, train=train)


def check_patience(job: Job[SftKnobs], shown: Demonstrations) -> None:
    """
    Raises:
        InvalidRelease: the held-out loss is to be measured, and nothing is held out.
    """
    if measures(job.knobs) and not shown.held_out:
        raise InvalidRelease("patience and eval_steps need held-out answers: the test split holds none to imitate")


def measures(knobs: SftKnobs) -> bool:
    """Whether the held-out loss is measured on the way."""
    return bool(knobs.patience or knobs.eval_steps)


def trainer_of(job: Job[SftKnobs], model: Any, material: Material) -> ImitationTrainer:
    epochs = job.knobs.epochs or (EPOCHS_FROM_NOTHING if job.base.starts_from_nothing else EPOCHS)
    train = mixing.in_order(material.train, curriculum=job.knobs.curriculum, model=model, pad=job.pad)
    shared = loop.arguments(job, examples=len(train), epochs=epochs, learning_rate=job.learning_rate(model, **RATES))
    arguments = SFTConfig(
        **(shared | measuring(job.knobs, shared)),
        padding_free=material.packed,
        train_sampling_strategy="random" if job.knobs.curriculum == "off" else "sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    return ImitationTrainer(
        held_out=material.shown.held_out,
        pad=job.pad,
        model=model,
        args=arguments,
        train_dataset=dataset(train),
        eval_dataset=dataset(material.shown.held_out) if measures(job.knobs) else None,
        processing_class=job.base.tokenizer,
        callbacks=[Best(), *([Patience(job.knobs.patience)] if job.knobs.patience else [])],
        peft_config=lora.config(job.knobs, model, classifier=False) if job.adapters else None,
    )


def measuring(knobs: SftKnobs, shared: dict[str, Any]) -> dict[str, Any]:
    """Trainer arguments for a held-out loss on the way; each measured checkpoint is saved, and the best one kept."""
    if not measures(knobs):
        return {}
    steps = loop.rounded(knobs.eval_steps, knobs=knobs) if knobs.eval_steps else shared["save_steps"]
    return {
        "eval_strategy": "steps",
        "eval_steps": steps,
        "save_steps": steps,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }


def dataset(examples: Sequence[Tokens]) -> Dataset:
    """In memory: nothing is cached outside the run."""
    return Dataset.from_dict(
        {
            "input_ids": [tokens.ids for tokens in examples],
            "labels": [[scoring.NO_LABEL] * len(tokens.prompt) + tokens.answer for tokens in examples],
        }
    )


def report(
    job: Job[SftKnobs],
    material: Material,
    *,
    held_out: dict[str, Any],
    trainer: ImitationTrainer,
    train: dict[str, Any],
) -> None:
    data = described(job, material)
    assembled = reports.assemble(
        config=job.config,
        headline=reports.loss_headline(held_out),
        warnings=[*job.base.warnings, *warnings(job, material, held_out=held_out, data=data)],
        base=job.base.describe(),
        resolved=loop.resolved(trainer, job, **resolved(material, trainer)),
        held_out=held_out,
        curve=curves.losses(job.directory.read_metrics()),
        train=train,
        data=data,
    )
    write_json(job.directory.report, assembled)


def described(job: Job[SftKnobs], material: Material) -> dict[str, Any]:
    shown = material.shown
    return {
        "release_hash": job.release.hash or None,
        "answers": shown.kind,
        "train_answers": shown.found,
        "train_tokens": sum(len(tokens.ids) for tokens in material.train),
        "files": [{"role": role, **file.describe()} for role, read in job.files.items() for file in read],
        "mix": material.mix.describe(shown.train) if material.mix else None,
        **job.encoder.lengths.as_dict(),
    }


def resolved(material: Material, trainer: ImitationTrainer) -> dict[str, Any]:
    """`best_step`: the checkpoint that became the result, where the held-out loss was measured on the way."""
    state = trainer.state
    return {
        "packing": material.packed,
        "eval_steps": trainer.args.eval_steps if trainer.args.load_best_model_at_end else None,
        "best_step": state.best_global_step,
        "stopped_early": state.global_step < state.max_steps,
    }


def warnings(job: Job[SftKnobs], material: Material, *, held_out: dict[str, Any], data: dict[str, Any]) -> list[str]:
    found = [*reports.length_warnings(data), *reports.loss_warnings(held_out)]
    found += forgetting.warnings(held_out["forgetting"])
    if material.mix:
        found += material.mix.warnings()
    if job.knobs.packing and not material.packed:
        found.append("packing was left out: with this base a row of several conversations is not exact")
    return found + [
        f"of a file ({role}, sha256 {file.hash[:12]}) records were left out: {listed(file.bad)}"
        for role, read in job.files.items()
        for file in read
        if file.bad
    ]


def listed(bad: dict[str, int]) -> str:
    return ", ".join(f"{count} with {reason}" for reason, count in bad.items())

"""An ensemble of reward models: M low-rank members on one frozen backbone, trained one after the other in one run.

Each member has its own adapter, head and seed, and with the seed its own order of the data or, by choice, its own
bootstrap of the prompts (Efron 1979; for reward models with a shared backbone 2401.00243). The first member of
`ensemble_data=order` is the model that the run without `ensemble` would give. Their mean is the score, their standard
deviation says how much to trust it, and a conservative score goes by it (2310.02743; `rewards`).

A member is trained in `members/<number>/`, a run directory of its own: what is done there is not done again. How they
are saved together is told in `backbones.members`. Left out: members that are trained whole, and a backbone that is
cut over processes.
"""

import copy
import math
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.exceptions import InvalidKnob
from training.ml import centring, ranking, rewards
from training.ml.backbones import lora
from training.ml.backbones import members as on_disk
from training.ml.data.batches import Item
from training.ml.data.pairs import Pair
from training.ml.knobs import RewardKnobs
from training.ml.ranking import Plan, Reading
from training.ml.reporting import evaluation
from training.ml.rewards import Record, Reward, RewardModel
from training.ml.run import weights
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job
from training.ml.run.rundir import RunDirectory, write_json

APART = 15_485_863  # between the seeds of two members: farther than those of epochs and of users are
COUNTED = ("steps", "trained_parameters")  # of all members together; the backbone is one
CUT = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")  # what a launcher's file says of the backbone


@dataclass(frozen=True, kw_only=True)
class MemberDirectory(RunDirectory):
    """`members/<number>/` of a run, whose own metrics.jsonl goes on from member to member."""

    parent: RunDirectory
    number: int
    before: int  # steps of the members before it
    steps: int  # of all members

    @property
    def timing(self) -> Path:
        """The run's: it tells the speed of the member that was trained last, and the memory of the process."""
        return self.parent.timing

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        super().append_metrics(record)
        step = {"step": self.before + record["step"], "steps": self.steps, "member": self.number}
        self.parent.append_metrics({**record, **step})

    def forget_metrics_after(self, step: int) -> None:
        super().forget_metrics_after(step)
        self.parent.forget_metrics_after(self.before + step)


@dataclass(frozen=True, kw_only=True)
class Member:
    number: int
    job: Job[RewardKnobs]
    plan: Plan


Fit = Callable[[Member], Any]  # to a trainer whose model is trained, and the `train` part of a report


def check(job: Job[RewardKnobs]) -> None:
    """
    Raises:
        InvalidKnob: members that are no adapters, or a backbone that no process holds.
    """
    if job.knobs.ensemble > 1 and any(os.environ.get(name, "false").lower() == "true" for name in CUT):
        raise InvalidKnob(
            f"ensemble={job.knobs.ensemble}: its members share a backbone that every process holds; launch it with "
            "DDP or in one process"
        )
    if job.knobs.ensemble > 1 and not job.adapters:
        raise InvalidKnob(
            f"ensemble={job.knobs.ensemble}: its members are low-rank adapters on one frozen backbone; leave lora at "
            "auto and name a trained base, or train single models with different seeds"
        )


def members_of(job: Job[RewardKnobs], items: Sequence[Item], *, how: Reading) -> list[Member]:
    """Each with its seed, its data and its place in the run."""
    jobs = [seeded(job, number) for number in range(job.knobs.ensemble)]
    plans = [
        ranking.plan(one, data_of(one, items), knobs=job.knobs, epochs=job.knobs.epochs, how=how) for one in jobs
    ]
    steps = [ranking.steps_of(job, len(plan.batches)) for plan in plans]
    return [
        Member(
            number=number,
            job=replace(
                one,
                directory=MemberDirectory(
                    path=job.directory.path / "members" / str(number),
                    parent=job.directory,
                    number=number,
                    before=sum(steps[:number]),
                    steps=sum(steps),
                ),
            ),
            plan=plan,
        )
        for number, (one, plan) in enumerate(zip(jobs, plans, strict=True))
    ]


def seeded(job: Job[RewardKnobs], number: int) -> Job[RewardKnobs]:
    return replace(job, config=replace(job.config, seed=job.config.seed + APART * number))


def data_of(job: Job[RewardKnobs], items: Sequence[Item]) -> list[Item]:
    """All prompts, or as many drawn with replacement."""
    if job.knobs.ensemble_data == "order":
        return list(items)
    return random.Random(job.config.seed).choices(items, k=len(items))  # noqa: S311


def train(members: Sequence[Member], model: Any, *, fresh: Sequence[str], fit: Fit) -> dict[str, Any]:
    """Train those that are not done, each on the backbone as it was; the `train` part of the report.

    `model` is left without an adapter. `fresh`: the modules that started at random, which a member trains whole.
    """
    heads = [name for name, _ in model.named_children() if name in lora.HEADS]  # trained whole, fresh or not
    untouched = {name: copy.deepcopy(model.get_submodule(name).state_dict()) for name in {*fresh, *heads}}
    for member in members:
        directory = member.job.directory
        if directory.is_done():
            continue
        directory.path.mkdir(parents=True, exist_ok=True)
        if is_main_process():
            directory.clear_unfinished()
        trainer, found = fit(member)
        adapted = trainer.accelerator.unwrap_model(trainer.model)
        if is_main_process():
            weights.save(directory.adapter, adapted)
            write_json(directory.report, {"seed": member.job.config.seed, "train": found})
        adapted.unload()
        for name, state in untouched.items():
            model.get_submodule(name).load_state_dict(state)
    return together(members) if is_main_process() else {}  # the others may be here before it has written


def together(members: Sequence[Member]) -> dict[str, Any]:
    """Sums over the members; losses are means."""
    parts = [(member.job.directory.read_report() or {})["train"] for member in members]
    means = {name: sum(part[name] for part in parts) / len(parts) for name in ("loss_first", "loss_last")}
    sums = {name: sum(part[name] for part in parts) for name in COUNTED}
    backbone = parts[0]["parameters"] - parts[0]["trained_parameters"]
    return parts[0] | means | sums | {"parameters": backbone + sums["trained_parameters"], "members": parts}


def finished(job: Job[RewardKnobs], members: Sequence[Member], model: Any, *, items: Sequence[Item]) -> RewardModel:
    """All members in model/, each with its zero where it belongs; and the ensemble as it is opened from there."""
    whole = on_disk.adapted(model, [member.job.directory.adapter for member in members])
    record = Record(
        max_length=job.encoder.max_length,
        offsets=offsets_of(job, whole, members=len(members), items=items) if job.knobs.shift else (),
        members=len(members),
        adapters=on_disk.shape_of(whole),
        conservative=job.knobs.conservative,
        penalty=job.knobs.conservative_penalty,
    )
    states = on_disk.states_of(whole, count=len(members))
    first = on_disk.name_of(0)
    whole.set_adapter(first)
    plain = whole.merge_and_unload(adapter_names=[first])
    plain.config.reward = record.as_json()
    weights.save(job.directory.model, plain, job.base.tokenizer, states)
    return rewards.opened(job.directory.model, knobs=job.knobs)


def offsets_of(
    job: Job[RewardKnobs], whole: Any, *, members: int, items: Sequence[Item]
) -> tuple[tuple[float, ...], ...]:
    references = centring.references(items, seed=job.config.seed)
    found = []
    for number in range(members):
        whole.set_adapter(on_disk.name_of(number))
        found.append(centring.means(whole, references, pad=job.pad))
    return tuple(found)


def described(
    pairs: Sequence[Pair], scores: Sequence[tuple[Reward, Reward]], *, judge: RewardModel, seed: int
) -> Any:
    """The `held_out.ensemble` part of the report; `scores`: of each pair's chosen and rejected answer."""
    each = [
        [chosen.members[i] - rejected.members[i] for chosen, rejected in scores] for i in range(len(judge.adapters))
    ]
    careful = [chosen.conservative - rejected.conservative for chosen, rejected in scores]
    spreads = [reward.spread for both in scores for reward in both]
    return {
        "members": [accuracy(pairs, margins, seed=seed) for margins in each],
        "spread": round(math.fsum(spreads) / len(spreads), 6) if spreads else None,
        "conservative": {
            "kind": judge.record.conservative,
            "penalty": judge.record.penalty,
            **accuracy(pairs, careful, seed=seed),
        },
    }


def accuracy(pairs: Sequence[Pair], margins: Sequence[float], *, seed: int) -> dict[str, Any]:
    return evaluation.accuracy(evaluation.outcomes_of(pairs, margins=margins), seed=seed)

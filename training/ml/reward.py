"""Reward model: a score per conversation, trained so that preferred answers score higher.

    loss = mean over prompts of 1/C(K, 2) Σ -log σ(r(better) - r(worse) - margin)          Bradley-Terry
         + centering · the same mean of (r(better) + r(worse))²

Source: InstructGPT (2203.02155, §3.5): all comparisons of a prompt in one batch, each answer read once. Plackett-Luce
over whole rankings, ties and weights by choice (`losses`); margin after Llama 2 (2307.09288), centering after
2312.09244 or 2505.07271. The head starts at N(0, 1/(d+1)), dropout is off (2403.17031), and the trained one is moved
so that training answers have mean 0 (`centring`). The backbone is a decoder (score at the last token) or a BERT-like
encoder (its classification head). What came out is scored by `rewards`, here as everywhere.

    python -m training.ml runs/<name>        # config.json: {"kind": "rm", …}
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import peft
import torch
from torch import Tensor, nn
from transformers import TrainingArguments

from training.ml import centring, ensemble, heads, lengths, losses, preferences, ranking
from training.ml.backbones import bases, lora, quantized
from training.ml.data.batches import Item
from training.ml.data.conversations import Encoder
from training.ml.ensemble import Member
from training.ml.knobs import RewardKnobs
from training.ml.losses import Edges
from training.ml.preferences import Rankings, Scores, TokenPair
from training.ml.ranking import Plan, RankingTrainer, Reading
from training.ml.rewards import Record, Reward, RewardModel
from training.ml.run import jobs, loop, weights
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job
from training.ml.run.rundir import Config, RunDirectory

RATES = {"full": 9e-6, "lora": 1e-4, "small": 1e-3}  # as the knob's text says

Both = tuple[Reward, Reward]  # of a pair's chosen and rejected answer


def run(directory: RunDirectory, config: Config, knobs: RewardKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    ensemble.check(job)
    quantized.check(quantize=knobs.quantize, device=job.machine.device, adapters=job.adapters)
    found = preferences.rankings_of(job, knobs)
    names = heads.names(found.train, knobs=knobs)
    job.seed()
    model, fresh = loaded(job, names)
    how = ranking.reading(job, model)
    plan = ranking.plan(job, found.train, knobs=knobs, epochs=knobs.epochs, how=how)
    planned = SimpleNamespace(args=arguments_of(job, model, plan))
    if knobs.ensemble > 1:
        members = ensemble.members_of(job, found.train, how=how)
        train = ensemble.train(members, model, fresh=fresh, fit=lambda member: fitted_member(member, model, fresh))
        if is_main_process():
            judge = ensemble.finished(job, members, unquantised(job, model, names), items=found.train)
            report(job, found, members[0].plan, planned, judge=judge, train=train)
        return
    trainer, train = fitted(job, model, plan, fresh=fresh, what="Reward model")
    if is_main_process():
        judge = finished(job, trained(trainer, job, names), items=found.train)
        report(job, found, plan, planned, judge=judge, train=train)


def loaded(job: Job[RewardKnobs], names: Sequence[str]) -> tuple[Any, list[str]]:
    """The model with these heads, and the names of its modules that start at random."""
    if job.knobs.quantize == quantized.OFF:
        return bases.load_classifier(job.base, machine=job.machine, heads=names)
    how = quantized.config(precision=job.machine.precision)
    model, fresh = bases.load_classifier(job.base, machine=job.machine, heads=names, quantization=how)
    return quantized.prepared(model), fresh


def unquantised(job: Job[RewardKnobs], model: Any, names: Sequence[str]) -> Any:
    """What adapters are merged into: weights as the base has them, not those rounded to four bits."""
    if job.knobs.quantize == quantized.OFF:
        return model
    return bases.load_classifier(job.base, machine=job.machine, heads=names)[0]


def trained(trainer: RankingTrainer, job: Job[RewardKnobs], names: Sequence[str]) -> Any:
    """The trained model as plain weights; the adapter in adapter/."""
    if job.knobs.quantize == quantized.OFF:
        return loop.merged(trainer, job)
    weights.save(job.directory.adapter, trainer.accelerator.unwrap_model(trainer.model), job.base.tokenizer)
    whole = unquantised(job, trainer.model, names)
    return peft.PeftModel.from_pretrained(whole, str(job.directory.adapter)).merge_and_unload()


def fitted(
    job: Job[RewardKnobs], model: Any, plan: Plan, *, fresh: Sequence[str], what: str
) -> tuple[RankingTrainer, dict[str, Any]]:
    """Trained to the end, and the `train` part of the report. All that is drawn is drawn by the job's seed."""
    job.seed()
    initialise_head(model, fresh)
    trainer = trainer_of(job, model, plan, fresh=fresh)
    found = loop.fit(trainer, directory=job.directory, what=what, examples=len(plan.items))
    if job.knobs.length_debias == "covariate":
        found |= {"length_slope": round(slope_of(job, plan), 6)}
    return trainer, found


def fitted_member(member: Member, model: Any, fresh: Sequence[str]) -> tuple[RankingTrainer, dict[str, Any]]:
    what = f"Reward model {member.number + 1} of {member.job.knobs.ensemble}"
    return fitted(member.job, model, member.plan, fresh=fresh, what=what)


def trainer_of(job: Job[RewardKnobs], model: Any, plan: Plan, *, fresh: Sequence[str]) -> RankingTrainer:
    arguments = arguments_of(job, model, plan)
    ranking.without_dropout(model)
    loss = RewardLoss(
        knobs=job.knobs, reading=plan.reading, criteria=heads.criteria_of(model), slope=slope_of(job, plan)
    )
    if job.adapters:
        model = peft.get_peft_model(model, lora.config(job.knobs, model, classifier=True, trained_whole=fresh))
    return RankingTrainer(
        model=model,
        args=arguments,
        batches=plan.batches,
        loss=loss,
        weight=loss.weight,
    )


def slope_of(job: Job[RewardKnobs], plan: Plan) -> float:
    if job.knobs.length_debias != "covariate":
        return 0.0
    return lengths.slope(plan.items, per=job.knobs.weighting)


def arguments_of(job: Job[RewardKnobs], model: Any, plan: Plan) -> TrainingArguments:
    """`model`: without adapters."""
    return ranking.arguments(job, batches=len(plan.batches), learning_rate=job.learning_rate(model, **RATES))


def initialise_head(model: Any, fresh: Sequence[str]) -> None:
    """A head that the base did not bring: N(0, 1/(d+1)), so that rewards start of one size for every width."""
    for name in fresh:
        layer = model.get_submodule(name)
        if isinstance(layer, nn.Linear) and layer.out_features == model.config.num_labels:
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features + 1))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@dataclass(frozen=True, kw_only=True)
class RewardLoss:
    """The loss of a batch's scores, as the knobs have it. `criteria`: what the heads after the first are of."""

    knobs: RewardKnobs
    reading: Reading
    criteria: tuple[str, ...] = ()
    slope: float = 0.0  # of length, beside the scores (`lengths`)

    def __call__(self, model: Any, items: Sequence[Item], total: Tensor) -> Tensor:
        scores = self.reading.scores(model, items)  # (R,), or (R, H) where there are criteria
        if not self.criteria:
            return self.of_scores(scores, items, total=total)
        apart = self.of_criteria(scores[:, 1:], items, total=total)
        return self.of_scores(scores[:, 0], items, total=total) + self.knobs.head_weight * apart

    def of_criteria(self, scores: Tensor, items: Sequence[Item], *, total: Tensor | float) -> Tensor:
        """The mean over the criteria of the losses of their ratings: (R, H - 1) -> ().

        A prompt without ratings of a criterion weighs in its head's mean like one that is predicted for certain.
        """
        parts = []
        for criterion, rewards in zip(self.criteria, scores.unbind(1), strict=True):
            rated = [replace(item, edges=item.criteria.get(criterion, [])) for item in items]
            edges = self.edges(rated, device=scores.device)
            parts.append(losses.pairwise(rewards, edges, ties="drop", tie_width=self.knobs.tie_width, total=total))
        return torch.stack(parts).mean()

    def of_scores(self, scores: Tensor, items: Sequence[Item], *, total: Tensor | float) -> Tensor:
        """(R,) -> ()"""
        knobs, device = self.knobs, scores.device
        compared = lengths.with_term(scores, items, slope=self.slope)
        if knobs.loss == "plackett-luce":
            edges = losses.edges_of(self.as_ranked(items), per="prompt", device=device)
            found = losses.listwise(compared, self.rankings(items, device=device), total=total)
        else:
            edges = self.edges(items, device=device)
            found = losses.pairwise(compared, edges, ties=knobs.ties, tie_width=knobs.tie_width, total=total)
        return found + knobs.centering * self.pull(scores, edges, total=total)

    def pull(self, scores: Tensor, edges: Edges, *, total: Tensor | float) -> Tensor:
        """Towards zero; a batch's mean counts as what the batch weighs in its step."""
        if self.knobs.centering_kind == "pairs":
            return losses.centering(scores, edges, total=total)
        return losses.centering(scores) * losses.share_of(edges.total, total=total)

    def as_ranked(self, items: Sequence[Item]) -> list[Item]:
        """Items whose pairs weigh together, for the centering, what their rankings do."""
        if self.knobs.weighting == "prompt":
            return list(items)
        return [replace(item, share=sum(weight for _, weight in item.rankings)) for item in items]

    def weight(self, items: Sequence[Item]) -> float:
        if self.knobs.loss == "plackett-luce":
            return float(self.rankings(items, device="cpu").total)
        return float(self.edges(items, device="cpu").total)

    def edges(self, items: Sequence[Item], *, device: Any) -> Edges:
        return losses.edges_of(items, per=self.knobs.weighting, device=device)

    def rankings(self, items: Sequence[Item], *, device: Any) -> losses.Rankings:
        return losses.rankings_of(items, per=self.knobs.weighting, device=device)


def finished(job: Job[RewardKnobs], model: Any, *, items: Sequence[Item]) -> RewardModel:
    """The trained model, saved in model/, with its zero where it belongs and a record of how it is to be read."""
    offsets: tuple[tuple[float, ...], ...] = ()
    in_bias = False
    if job.knobs.shift:
        found = centring.means(model, centring.references(items, seed=job.config.seed), pad=job.pad)
        in_bias = centring.shift(model, found)
        offsets = ((0.0,) * len(found) if in_bias else found,)
    record = Record(max_length=job.encoder.max_length, offsets=offsets)
    model.config.reward = record.as_json()
    weights.save(job.directory.model, model, job.base.tokenizer)
    encoder = Encoder(job.base.tokenizer, max_length=record.max_length)  # its counts are not those of the training
    return RewardModel(model=model, encoder=encoder, record=record)


def report(
    job: Job[RewardKnobs],
    found: Rankings,
    plan: Plan,
    planned: SimpleNamespace,
    *,
    judge: RewardModel,
    train: dict[str, Any],
) -> None:
    """What the saved model makes of the held-out pairs; `planned.args`: how it was trained."""
    rewards = rewards_of(judge, found.held_out)
    preferences.report(
        job,
        what="Reward model",
        preferences=found,
        scores=[Scores(chosen.value, rejected.value) for chosen, rejected in rewards],
        train_scores=scores_of(judge, found.train_sample),
        trainer=planned,
        train=train,
        plan=plan,
        more=more_of(job, found, judge=judge, rewards=rewards),
        zero=taken_off(judge),
    )


def more_of(job: Job[RewardKnobs], found: Rankings, *, judge: RewardModel, rewards: Sequence[Both]) -> dict[str, Any]:
    """What the held-out part of a report says of reward models alone."""
    pairs = [example.pair for example in found.held_out]
    several = ensemble.described(pairs, rewards, judge=judge, seed=job.config.seed) if judge.adapters else None
    parts = {
        "shift": zero_of(judge),
        "ensemble": several,
        "heads": heads.held_out(judge, job.release.rows, seed=job.config.seed),
    }
    return {name: part for name, part in parts.items() if part}


def taken_off(judge: RewardModel) -> float:
    """From every score, to centre it: what is kept in the config, or what the head's bias holds."""
    bias = None if judge.adapters else centring.bias_of(judge.model)
    if bias is not None:
        return -float(bias.detach()[0])
    return judge.record.offsets[0][0] if judge.record.offsets else 0.0


def zero_of(judge: RewardModel) -> dict[str, Any] | None:
    """What plain transformers give less what the score is, of the first head; and where that stands."""
    if not judge.record.offsets:
        return None
    in_bias = not judge.adapters and centring.bias_of(judge.model) is not None
    return {"offset": round(judge.record.offsets[0][0], 6), "kept_in": "bias" if in_bias else "config"}


def scores_of(judge: RewardModel, pairs: Sequence[TokenPair]) -> list[Scores]:
    return [Scores(chosen.value, rejected.value) for chosen, rejected in rewards_of(judge, pairs)]


def rewards_of(judge: RewardModel, pairs: Sequence[TokenPair]) -> list[Both]:
    """Of each pair's chosen and rejected answer."""
    found = [example.pair for example in pairs]
    rewards = judge.rewards([(pair.messages, answer) for pair in found for answer in (pair.chosen, pair.rejected)])
    return list(zip(rewards[::2], rewards[1::2], strict=True))

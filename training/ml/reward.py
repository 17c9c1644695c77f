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
from typing import Any

import peft
from torch import Tensor, nn

from training.ml import centring, losses, preferences, ranking
from training.ml.backbones import bases, lora
from training.ml.data.batches import Item
from training.ml.data.conversations import Encoder
from training.ml.knobs import RewardKnobs
from training.ml.losses import Edges, Rankings
from training.ml.preferences import Scores, TokenPair
from training.ml.ranking import Plan, RankingTrainer, Reading
from training.ml.rewards import Record, RewardModel
from training.ml.run import jobs, loop, weights
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job
from training.ml.run.rundir import Config, RunDirectory

RATES = {"full": 9e-6, "lora": 1e-4, "small": 1e-3}  # as the knob's text says


def run(directory: RunDirectory, config: Config, knobs: RewardKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    found = preferences.rankings_of(job, knobs)
    job.seed()
    model, fresh = bases.load_classifier(job.base, machine=job.machine)
    initialise_head(model, fresh)
    how = ranking.reading(job, model)
    plan = ranking.plan(job, found.train, knobs=knobs, epochs=knobs.epochs, how=how)
    trainer = trainer_of(job, model, plan, fresh=fresh)
    train = loop.fit(trainer, directory=directory, what="Reward model", examples=len(found.train))
    if not is_main_process():
        return
    judge = finished(job, loop.trained(trainer, job), items=found.train)
    scores = scores_of(judge, found.held_out)
    train_scores = scores_of(judge, found.train_sample)
    preferences.report(
        job,
        what="Reward model",
        preferences=found,
        scores=scores,
        train_scores=train_scores,
        trainer=trainer,
        train=train,
        plan=plan,
        more={"shift": described(judge)} if knobs.shift else {},
    )


def trainer_of(job: Job[RewardKnobs], model: Any, plan: Plan, *, fresh: Sequence[str]) -> RankingTrainer:
    rate = job.learning_rate(model, **RATES)
    ranking.without_dropout(model)
    if job.adapters:
        model = peft.get_peft_model(model, lora.config(job.knobs, classifier=True, trained_whole=fresh))
    loss = RewardLoss(knobs=job.knobs, reading=plan.reading)
    return RankingTrainer(
        model=model,
        args=ranking.arguments(job, batches=len(plan.batches), learning_rate=rate),
        batches=plan.batches,
        loss=loss,
        weight=loss.weight,
    )


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
    """The loss of a batch's scores, as the knobs have it."""

    knobs: RewardKnobs
    reading: Reading

    def __call__(self, model: Any, items: Sequence[Item], total: Tensor) -> Tensor:
        return self.of_scores(self.reading.scores(model, items), items, total=total)

    def of_scores(self, scores: Tensor, items: Sequence[Item], *, total: Tensor | float) -> Tensor:
        """(R,) -> ()"""
        knobs, device = self.knobs, scores.device
        if knobs.loss == "plackett-luce":
            edges = losses.edges_of(self.as_ranked(items), per="prompt", device=device)
            found = losses.listwise(scores, self.rankings(items, device=device), total=total)
        else:
            edges = self.edges(items, device=device)
            found = losses.pairwise(scores, edges, ties=knobs.ties, tie_width=knobs.tie_width, total=total)
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

    def rankings(self, items: Sequence[Item], *, device: Any) -> Rankings:
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
    if in_bias:
        weights.save(job.directory.model, model, job.base.tokenizer)
    else:
        model.config.save_pretrained(job.directory.model)
    encoder = Encoder(job.base.tokenizer, max_length=record.max_length)  # its counts are not those of the training
    return RewardModel(model=model, encoder=encoder, record=record)


def described(judge: RewardModel) -> dict[str, Any]:
    """For the report: what plain transformers give less what the score is, of the first head; and where it stands."""
    (offsets,) = judge.record.offsets
    return {
        "offset": round(offsets[0], 6),
        "kept_in": "bias" if centring.bias_of(judge.model) is not None else "config",
    }


def scores_of(judge: RewardModel, held_out: Sequence[TokenPair]) -> list[Scores]:
    """Of each pair."""
    pairs = [example.pair for example in held_out]
    scores = judge.score([(pair.messages, answer) for pair in pairs for answer in (pair.chosen, pair.rejected)])
    return [Scores(*both) for both in zip(scores[::2], scores[1::2], strict=True)]

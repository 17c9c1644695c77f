"""Direct preference optimisation: the policy learns from rankings without a reward model (DPO, 2305.18290).

    loss = mean over prompts of 1/C(K, 2) Σ -log σ(β · [log π/ref(better) - log π/ref(worse)] - margin)

All comparisons of a prompt are in one batch and each answer is read once, as for reward models (InstructGPT,
2203.02155, §3.5). IPO (2310.12036; its log-ratios are means over an answer's tokens), hinge (SLiC, 2305.10425), label
smoothing (cDPO, Mitchell 2023) and ties (2409.17431) by choice (`losses`). The reference is the base, whose
log-probabilities are computed before the first step and kept for other runs (`reference`). Dropout is off. Held-out
accuracy is that of the implicit reward β · log π/ref. TRL's other losses are in `dpo_trl`. Left out: a reference that
follows the policy.

    python -m training.ml runs/<name>        # config.json: {"kind": "dpo", …}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import peft
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from transformers import TrainingArguments

from training.ml import dpo_trl, losses, preferences, ranking, reference, scoring
from training.ml import reference_cache as kept
from training.ml.backbones import bases, lora
from training.ml.data.batches import Item
from training.ml.data.conversations import Tokens
from training.ml.knobs import DpoKnobs
from training.ml.losses import Edges
from training.ml.packed import packing
from training.ml.preferences import Scores, TokenPair
from training.ml.ranking import Plan, RankingTrainer, Reading
from training.ml.reference import Compute, Reference, Rows
from training.ml.run import jobs, loop
from training.ml.run.environment import is_main_process
from training.ml.run.jobs import Job
from training.ml.run.rundir import Config, RunDirectory, write_json

RATES = {"full": 1e-6, "lora": 1e-5, "small": 2e-4}  # as the knob's text says
TOKENS_ALONE = 4096  # of one prompt with its answers, read without gradients


def run(directory: RunDirectory, config: Config, knobs: DpoKnobs) -> None:
    job = jobs.opened(directory, config, knobs)
    job.seed()
    model = ranking.without_dropout(bases.load_causal(job.base, machine=job.machine))
    rate = job.learning_rate(model, **RATES)
    if knobs.trainer == "trl":
        dpo_trl.run(job, model=model, learning_rate=rate)
    else:
        on_rankings(job, model=model, learning_rate=rate)


def on_rankings(job: Job[DpoKnobs], *, model: Any, learning_rate: float) -> None:
    """`model`: the base, which is the reference."""
    knobs = job.knobs
    found = preferences.rankings_of(job, knobs)
    plan = ranking.plan(job, found.train, knobs=knobs, epochs=knobs.epochs, how=ranking.reading(job, model))
    arguments = ranking.arguments(job, batches=len(plan.batches), learning_rate=learning_rate)
    measured = items_of(
        tokens for pair in [*found.held_out, *found.train_sample] for tokens in (pair.chosen, pair.rejected)
    )
    trained_on = {key: 0.0 for item in found.train for key in reference.keys_of(item)}
    base = reference_of(job, model, plan, [*found.train, *reference.unknown(measured, trained_on)])
    trainer = trainer_of(job, model, plan, base=base, arguments=arguments)
    train = loop.fit(trainer, directory=job.directory, what="DPO", examples=len(found.train))
    if not is_main_process():
        return
    policy = computing(loop.trained(trainer, job), job, plan.reading)
    after = reference.computed(rows_of(job, plan).of(measured), compute=policy)
    rewards = rewards_of(measured, after=after, before=base.values, knobs=knobs)
    preferences.report(
        job,
        what="DPO (implicit reward)",
        preferences=found,
        scores=scores_of(found.held_out, rewards),
        train_scores=scores_of(found.train_sample, rewards),
        trainer=trainer,
        train=train,
        plan=plan,
    )


def items_of(conversations: Iterable[Tokens]) -> list[Item]:
    """Each conversation once, those with one prompt together; nothing is said of their answers."""
    answers: dict[tuple[int, ...], dict[tuple[int, ...], None]] = {}
    for tokens in conversations:
        answers.setdefault(tuple(tokens.prompt), {})[tuple(tokens.answer)] = None
    return [
        Item(prompt=list(prompt), answers=[list(answer) for answer in found], edges=[], rankings=[])
        for prompt, found in answers.items()
    ]


def reference_of(job: Job[DpoKnobs], model: Any, plan: Plan, items: Sequence[Item]) -> Reference:
    """What the base says of these answers; `model` is still the base. timing.json says how much was known."""
    how = plan.reading
    name = reference.fingerprint(model, machine=job.machine, packed=how.packed, shared=how.shared)
    found = reference.log_probs(
        items,
        cache=kept.Cache(kept.path_of(job.directory), reference=name),
        compute=computing(model, job, how),
        rows=rows_of(job, plan),
    )
    if is_main_process():
        write_json(job.directory.timing, {"reference": found.describe()})
    return found


def rows_of(job: Job[DpoKnobs], plan: Plan) -> Rows:
    """On a CPU whatever `max_tokens` is: what the reference says must not hang on it, to the last bit."""
    if job.machine.device == "cpu":
        return Rows(budget=max(TOKENS_ALONE, 2 * job.encoder.max_length), shared=plan.reading.shared, alone=True)
    return Rows(budget=plan.max_tokens, shared=plan.reading.shared, alone=False)


def computing(model: Any, job: Job[DpoKnobs], how: Reading) -> Compute:
    """Log-probabilities as in training, without gradients."""

    def compute(row: Sequence[Item]) -> list[float]:
        half = torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=job.machine.precision == "bf16")
        with scoring.evaluating(model), half:
            return [float(value) for value in log_probs(model, row, how)]

    return compute


def log_probs(model: Any, batch: Sequence[Item], how: Reading) -> Tensor:
    """The sum of the log-probabilities of each answer's tokens given its prompt, with gradients: (R,)."""
    if how.packed:
        return packing.answer_log_probs(model, how.row(batch, device=model.device))
    prompts = [len(item.prompt) for item in batch for _ in item.answers]
    conversations = [item.prompt + answer for item in batch for answer in item.answers]
    ids, mask = scoring.padded(conversations, pad=how.pad, device=model.device)  # (R, T)
    place = torch.arange(ids.shape[1], device=ids.device)
    answers = mask.bool() & (place >= torch.tensor(prompts, device=ids.device)[:, None])  # (R, T)
    labels = ids.masked_fill(~answers, scoring.NO_LABEL)
    logits = model(input_ids=ids, attention_mask=mask).logits.float()  # (R, T, V)
    return -F.cross_entropy(
        logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=scoring.NO_LABEL, reduction="none"
    ).sum(1)


def trainer_of(
    job: Job[DpoKnobs], model: Any, plan: Plan, *, base: Reference, arguments: TrainingArguments
) -> RankingTrainer:
    if job.adapters:
        model = peft.get_peft_model(model, lora.config(job.knobs, model, classifier=False))
    loss = PreferenceLoss(knobs=job.knobs, reading=plan.reading, base=base)
    return RankingTrainer(model=model, args=arguments, batches=plan.batches, loss=loss, weight=loss.weight)


@dataclass(frozen=True, kw_only=True)
class PreferenceLoss:
    """The loss of a batch's log-probabilities, as the knobs have it."""

    knobs: DpoKnobs
    reading: Reading
    base: Reference

    def __call__(self, model: Any, items: Sequence[Item], total: Tensor) -> Tensor:
        return self.of_log_probs(log_probs(model, items, self.reading), items, total=total)

    def of_log_probs(self, found: Tensor, items: Sequence[Item], *, total: Tensor | float | None = None) -> Tensor:
        """log π of each answer (R,) -> ()"""
        return losses.preference(
            (found - found.new_tensor(self.base.of(items))) / found.new_tensor(lengths(items, knobs=self.knobs)),
            self.edges(items, device=found.device),
            loss=self.knobs.loss,
            beta=self.knobs.beta,
            label_smoothing=self.knobs.label_smoothing,
            ties=self.knobs.ties,
            tie_width=self.knobs.tie_width,
            total=total,
        )

    def weight(self, items: Sequence[Item]) -> float:
        return float(self.edges(items, device="cpu").total)

    def edges(self, items: Sequence[Item], *, device: Any) -> Edges:
        return losses.edges_of(items, per=self.knobs.weighting, device=device)


def lengths(items: Sequence[Item], *, knobs: DpoKnobs) -> list[int]:
    """By what each answer's log-ratio is divided: IPO compares means over tokens, the others sums."""
    return [len(answer) if knobs.loss == "ipo" else 1 for item in items for answer in item.answers]


def rewards_of(
    items: Sequence[Item], *, after: Mapping[bytes, float], before: Mapping[bytes, float], knobs: DpoKnobs
) -> dict[bytes, float]:
    """The implicit reward of each conversation, as the loss compares it."""
    keys = [key for item in items for key in reference.keys_of(item)]
    return {
        key: knobs.beta * (after[key] - before[key]) / length
        for key, length in zip(keys, lengths(items, knobs=knobs), strict=True)
    }


def scores_of(pairs: Sequence[TokenPair], rewards: Mapping[bytes, float]) -> list[Scores]:
    """The implicit rewards of each pair's two answers."""

    def reward(tokens: Tokens) -> float:
        return rewards[reference.key(tokens.prompt, tokens.answer)]

    return [Scores(reward(pair.chosen), reward(pair.rejected)) for pair in pairs]

"""How good the policy is now, and how far from the base: measured on prompts that nothing is learnt from.

Each time the same prompts are answered with the same random numbers, so that two measurements differ by the policy
and hardly by luck. Used before, while and after training, by PPO and by RLOO alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.ml import scoring
from training.ml.rl import measured, states
from training.ml.rl.judges import Judge, Verdict
from training.ml.rl.measured import Measured
from training.ml.rl.rollouts import Generator, Prompt, Rollout
from training.ml.rl.setting import Setting
from training.ml.rl.states import Said

DRAW = "held out"

Says = Callable[[Sequence[Rollout]], Said]  # of every token of these answers


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What was measured, and the answers that it was measured on."""

    measured: Measured
    rollouts: list[Rollout]
    verdicts: list[Verdict]
    golds: list[float] | None

    def by_answer(self) -> dict[str, list[float]]:
        """What intervals are computed from."""
        found = {"scores": [verdict.score for verdict in self.verdicts]}
        return found | ({"golds": self.golds} if self.golds is not None else {})


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """`size`: answers in one forward pass."""

    prompts: Sequence[Prompt]
    judge: Judge
    gold: Judge | None
    size: int

    def measure(self, generate: Generator, *, policy: Says, reference: Says) -> Answered:
        rollouts = generate(self.prompts, draw=DRAW)
        verdicts = self.judge.of(rollouts)
        golds = [verdict.score for verdict in self.gold.of(rollouts)] if self.gold else None
        found = measured.of(
            rollouts,
            verdicts,
            gold=golds,
            **self.said(rollouts, policy=policy, reference=reference),
        )
        return Answered(measured=found, rollouts=rollouts, verdicts=verdicts, golds=golds)

    def said(self, rollouts: Sequence[Rollout], *, policy: Says, reference: Says) -> dict[str, list[list[float]]]:
        """Of the tokens of each rollout."""
        with torch.no_grad():
            now = states.in_batches(rollouts, both(policy), size=self.size)
            before = states.in_batches(rollouts, lambda batch: reference(batch).log_probs, size=self.size)
        return {
            "log_probs": [found[:, 0].tolist() for found in now],
            "reference": [found.tolist() for found in before],
            "entropies": [found[:, 1].tolist() for found in now],
        }


def of(found: Setting[Any]) -> Evaluation:
    """Of a run that learns from rewards."""
    return Evaluation(
        prompts=chosen(found.prompts.test, n=found.knobs.eval_prompts),
        judge=found.judge,
        gold=found.gold,
        size=found.knobs.batch_size,
    )


def both(policy: Says) -> Callable[[Sequence[Rollout]], Tensor]:
    """Log-probability and entropy side by side: (T, 2)."""

    def compute(batch: Sequence[Rollout]) -> Tensor:
        said = policy(batch)
        return torch.stack([said.log_probs, said.entropies], dim=1)

    return compute


def chosen(prompts: Sequence[Prompt], *, n: int) -> list[Prompt]:
    """The first n by id: the same ones for every run on these prompts."""
    return sorted(prompts, key=lambda prompt: prompt.id)[:n]


def says(model: Any, *, how: states.How, temperature: float) -> Says:
    """What a model says, without gradients and dropout."""

    def compute(rollouts: Sequence[Rollout]) -> Said:
        with scoring.evaluating(model):
            return states.said(model, rollouts, how=how, temperature=temperature)

    return compute

"""TRL's RLOOTrainer and GRPOTrainer (1.16) on prompts, answers and rewards of ours.

What TRL does, as its source has it: logits of policy and reference are divided by the temperature before
log-probabilities are taken; an answer ends with its first end token, which counts, and what follows is masked; an
answer that reaches max_new_tokens is learned from like any other (mask_truncated_completions is off, so that
missing_eos says what it costs). RLOO takes β times the answer's Σ log π/π₀ off its reward; the ratio π/π_old is the
whole answer's, clipped to 1 ± clip_range, and the loss is the mean of -ratio · A over answers. GRPO clips the ratio
token by token and takes the mean over all tokens of the step (loss_type dapo: with the paper's mean over each answer,
long bad answers cost less); its KL stands in the loss: β · (e^-d - 1 + d) · ratio, d = log π/π₀ of a token, whose
gradient is that of KL(π ‖ π₀) token by token.

What is ours instead: prompts are tokens already; answers are drawn by `rollouts`, or by a server; rewards come from
`judges`, by text and by whether the answer ended; tokens know their positions also where a prompt is padded (TRL
leaves them out, which models with absolute positions notice).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
from trl.trainer.utils import RepeatSampler

from training.exceptions import RunFailed
from training.ml import scoring
from training.ml.knobs.rl import RlooKnobs
from training.ml.rl import schedules
from training.ml.rl.course import Course
from training.ml.rl.rollouts import Generator, Prompt, numbers_of, rollout_of
from training.ml.run.throughput import Meter


@dataclass(kw_only=True)
class Answering:
    """What TRL's trainer asks for instead of doing it: answers to prompts, named by their ids, and their rewards."""

    prompts: dict[str, Prompt]
    course: Course
    tokenizer: Any
    meter: Meter
    generate: Generator | None = None  # known when the trainer has made its model

    def drawn(self, asked: Sequence[str], *, draw: str, numbers: Sequence[int]) -> list[list[int]]:
        if self.generate is None:
            raise RunFailed("answers were asked for before there was a policy")
        found = self.generate([self.prompts[identity] for identity in asked], draw=draw, numbers=numbers)
        self.meter.tokens += sum(len(rollout.prompt.ids) + len(rollout.answer) for rollout in found)
        return [rollout.answer for rollout in found]

    def reward(
        self,
        prompts: Sequence[str],
        completions: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        log_metric: Callable[[str, float], None],
        **more: Any,
    ) -> list[float]:
        """A reward function as TRL has them. The text is ours, which knows whether the answer ended."""
        rollouts = [
            rollout_of(self.prompts[identity], ids, self.tokenizer)
            for identity, ids in zip(prompts, completion_ids, strict=True)
        ]
        verdicts = self.course.judge.of(rollouts)
        for name in ("score", "spread"):
            log_metric(name, math.fsum(getattr(verdict, name) for verdict in verdicts) / len(verdicts))
        log_metric("length", sum(len(rollout.answer) for rollout in rollouts) / len(rollouts))
        log_metric("ended", sum(rollout.ended for rollout in rollouts) / len(rollouts))
        return [verdict.reward for verdict in verdicts]


class OnOurAnswers:
    """Before a trainer of TRL's in a class's bases: its dataset holds ids of prompts.

    `repeats`: answers to a prompt, which are TRL's `num_generations` unless the whole step is one group.
    """

    accelerator: Any
    args: Any
    state: Any
    train_dataset: Any
    num_iterations: int
    optimizer: Any
    _metrics: Any

    def __init__(self, *, answering: Answering, repeats: int, final_rate: float, **more: Any) -> None:
        self.answering = answering
        self.final_rate = final_rate
        self.repeats = repeats
        self.asked: list[str] = []
        self.mean_length = 1.0
        super().__init__(reward_funcs=answering.reward, **more)  # type: ignore[call-arg] # of TRL's trainer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """As PPO's; transformers' own would not learn in the first step."""
        self.lr_scheduler = LambdaLR(
            optimizer or self.optimizer,
            partial(schedules.share, steps=num_training_steps, warmup=self.args.warmup_steps, final=self.final_rate),
        )
        return self.lr_scheduler

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return RepeatSampler(
            data_source=self.train_dataset if dataset is None else dataset,
            mini_repeat_count=self.repeats,
            batch_size=self.args.generation_batch_size // self.repeats,
            repeat_count=self.num_iterations * self.args.steps_per_generation,
            shuffle=False,  # `prompts.of_step` has put them in order
        )

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        self.asked = prompts
        return [self.answering.prompts[identity].ids for identity in prompts], None, {}

    def drawn(self) -> list[list[int]]:
        first = self.accelerator.process_index * len(self.asked)
        numbers = numbers_of(gather_object(self.asked))[first : first + len(self.asked)]  # processes share a prompt
        return self.answering.drawn(self.asked, draw=f"step {self.state.global_step + 1}", numbers=numbers)

    def _get_per_token_logps_and_entropies(  # noqa: PLR0917 - TRL's signature
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **more: Any,
    ) -> tuple[Tensor, Tensor | None, None]:
        """(B, T), (B, T) -> (B, N): of the last N tokens, zero where they are masked."""
        size = batch_size or len(input_ids)
        found = []
        for ids, mask in zip(input_ids.split(size), attention_mask.split(size), strict=True):
            labels = ids.masked_fill(mask == 0, scoring.NO_LABEL)
            labels[:, :-logits_to_keep] = scoring.NO_LABEL
            places = (mask.cumsum(1) - 1).clamp(min=0)
            with self.accelerator.autocast():
                said = model(
                    input_ids=ids, attention_mask=mask, position_ids=places, labels=labels, fused_lm_head=True
                )
            found.append(said)
        log_probs = torch.cat([said.log_probs[:, -logits_to_keep:] for said in found])
        entropies = torch.cat([said.entropy[:, -logits_to_keep:] for said in found]) if compute_entropy else None
        return log_probs, entropies, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """TRL means its KL over tokens; here, as everywhere else, it is nats an answer."""
        seen = self._metrics["train"]
        if lengths := seen.get("completions/mean_length"):
            self.mean_length = sum(lengths) / len(lengths)
        if "kl" in seen:
            seen["kl"] = [value * self.mean_length for value in seen["kl"]]
        super().log(logs, start_time)  # type: ignore[misc] # as above


class OurRLOOTrainer(OnOurAnswers, RLOOTrainer):
    def _generate_single_turn(self, *arguments: Any, **more: Any) -> list[list[int]]:
        return self.drawn()


class OurGRPOTrainer(OnOurAnswers, GRPOTrainer):
    def _generate_single_turn(self, *arguments: Any, **more: Any) -> tuple[list[list[int]], None]:
        return self.drawn(), None


def method_of(knobs: RlooKnobs) -> tuple[Any, Any, dict[str, Any]]:
    """The trainer, its config, and what of that is the method's own."""
    if knobs.method == "grpo":
        own = {"num_generations": knobs.num_generations, "scale_rewards": "group", "loss_type": "dapo"}
        return OurGRPOTrainer, GRPOConfig, {**own, "use_bias_correction_kl": True}
    group = knobs.num_generations if knobs.method == "rloo" else knobs.rollout_size
    return OurRLOOTrainer, RLOOConfig, {"num_generations": group, "normalize_advantages": False}

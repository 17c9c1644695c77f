"""PPO of TRL, as its last version had it, timed: on the same policy, reward model and prompts."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PrinterCallback,
    TrainerCallback,
)
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

from tests.bench.learner_ours import Measurer, prompts_of
from tests.bench.learners import Clock, Found, Training


def measured(training: Training) -> Found:
    torch.set_num_threads(training.threads)
    clock = Clock()
    watching = Watching(clock, training)
    with contextlib.redirect_stdout(sys.stderr):
        trainer = trainer_of(training, callbacks=[watching])
        trainer.remove_callback(PrinterCallback)
        watching.begin(trainer.policy_model)
        with phases(clock):
            trainer.train()
    return clock.found(together=training.together, tokens=float(training.answer), history=watching.history)


class Watching(TrainerCallback):
    """At the end of a step; `history`: the policy's measurements, the base's first."""

    def __init__(self, clock: Clock, training: Training) -> None:
        self.clock = clock
        self.every = max(1, training.steps // training.measurements)
        self.measurer = Measurer(training) if training.measured else None
        self.history: list[dict[str, float]] = []

    def begin(self, policy: Any) -> None:
        self.policy = policy
        self.measure(step=0)

    def measure(self, *, step: int) -> None:
        if self.measurer is not None:
            self.history.append(self.measurer.of(self.policy, step=step))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.clock.step_ended()
        if state.global_step % self.every == 0:
            self.clock.without(lambda: self.measure(step=state.global_step))


@contextlib.contextmanager
def phases(clock: Clock) -> Iterator[None]:
    """Told apart by the functions that its loop calls between them: whitening is the last of scoring."""
    step = Step(clock)
    with mock.patch.multiple(
        ppo_trainer,
        batch_generation=step.timed("generation", ppo_trainer.batch_generation),
        masked_whiten=step.timed("scoring", ppo_trainer.masked_whiten),
    ):
        clock.before_look = lambda: step.pass_to("update")
        yield


class Step:
    """Where a step is: whatever was done since the last phase ended belongs to the next one that ends."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.since = clock, time.perf_counter()

    def pass_to(self, phase: str) -> None:
        now = time.perf_counter()
        self.clock.phases[phase] += now - self.since
        self.since = now

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            found = function(*args, **kwargs)
            self.pass_to(phase)
            return found

        return call


def trainer_of(training: Training, *, callbacks: list[TrainerCallback]) -> Any:
    words = AutoTokenizer.from_pretrained(training.policy, padding_side="left")
    prompts = prompts_of(training)
    return PPOTrainer(
        args=arguments(training),
        processing_class=words,
        model=AutoModelForCausalLM.from_pretrained(training.policy),
        ref_model=None if training.rank else AutoModelForCausalLM.from_pretrained(training.policy),
        reward_model=AutoModelForSequenceClassification.from_pretrained(training.reward),
        value_model=AutoModelForSequenceClassification.from_pretrained(training.reward),
        train_dataset=Dataset.from_list([{"input_ids": prompt.ids} for prompt in prompts.train]),
        eval_dataset=Dataset.from_list([{"input_ids": prompt.ids} for prompt in prompts.test]),
        peft_config=adapters(training.rank) if training.rank else None,
        callbacks=callbacks,
    )


def adapters(rank: int) -> LoraConfig:
    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def arguments(training: Training) -> Any:
    """Gradient checkpointing, its default, is off: it costs time."""
    return PPOConfig(
        output_dir=str(training.directory / "trl"),
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=training.batch,
        gradient_accumulation_steps=training.together // training.batch,
        num_mini_batches=1,
        num_ppo_epochs=training.epochs,
        total_episodes=training.steps * training.together,
        response_length=training.answer,
        local_rollout_forward_batch_size=training.abreast,
        temperature=training.temperature,
        stop_token="eos" if training.ends else None,
        missing_eos_penalty=1.0,
        kl_coef=training.beta,
        learning_rate=training.rate,
        lr_scheduler_type="linear",
        adam_epsilon=1e-5,
        gradient_checkpointing=False,
        num_sample_generations=0,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=training.seed,
    )

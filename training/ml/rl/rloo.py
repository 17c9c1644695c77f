"""Policy gradients without a value network, by TRL's stable trainers on our answers and rewards (`rloo_trl`).

    R = reward - β Σ_t log π(t)/π₀(t)       of an answer when it was drawn, for rloo and reinforce
    rloo         A_i = R_i - mean of the R of the other answers to the same prompt                     (2402.14740)
    reinforce    A_i = R_i - mean of the R of all other answers of the step = n/(n-1) · (R_i - mean)
    grpo         A_i = (reward_i - mean) / (std + 1e-4) of the answers to the same prompt              (2402.03300)

reinforce is TRL's RLOO with the whole step as one group, so that prompts of unlike difficulty are each other's
baseline; it, too, draws num_generations answers to a prompt. In grpo the KL stands in the loss. In the first pass
over a step's answers the ratio π/π_old is 1, and nothing is clipped.

All of a step's answers make one step of the optimiser, in as many forward passes as batch_size needs; the rate falls
in a line, as PPO's. The base is the reference, added tokens and all. Measured all along and guarded as PPO
(`course`); the best policy within the budget of KL is kept. A killed run goes on from its last checkpoint and draws
what an undisturbed one draws. Left out: models cut over devices (FSDP, ZeRO).

    python -m training.ml runs/<name>        # config.json: {"kind": "rloo", …}, prompts.jsonl
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback

from training.exceptions import InvalidKnob, RunFailed
from training.ml import ranking, scoring
from training.ml.backbones import bases, lora
from training.ml.knobs.rl import RlooKnobs
from training.ml.packed import sharing
from training.ml.rl import drawing, evaluation, report, rloo_trl, saving, setting
from training.ml.rl.course import Course, evaluations
from training.ml.rl.prompts import of_step
from training.ml.rl.rloo_trl import Answering
from training.ml.rl.rollouts import Generator, Prompt, Rollout
from training.ml.rl.servers import Remote
from training.ml.rl.setting import Setting
from training.ml.rl.states import How, Said
from training.ml.run import checkpoints, loop, weights
from training.ml.run.environment import is_main_process, processes, project
from training.ml.run.progress import Progress
from training.ml.run.rundir import Config, RunDirectory, read_json, write_json
from training.ml.run.throughput import Meter

COURSE = "course.json"  # in a checkpoint
NAMES = {"rloo": "RLOO", "reinforce": "REINFORCE", "grpo": "GRPO"}


def run(directory: RunDirectory, config: Config, knobs: RlooKnobs) -> None:
    setting.check(config.kind, knobs)
    found = setting.opened(directory, config, knobs)
    if knobs.server and not setting.adapters(found):
        raise InvalidKnob("server: only adapters can be pushed to it; leave lora at auto")
    found.seed()
    made = opened(found)
    fit(made)
    finish(made)


@dataclass(kw_only=True)
class Rloo:
    """A run, with all that is needed before the first step."""

    setting: Setting[RlooKnobs]
    trainer: Any
    answering: Answering
    how: How
    measured: Sequence[int]  # steps after which is measured, and saved
    base: Any = None  # whole weights of the reference; None: the model without its adapters
    begun: int = 0  # the step of the checkpoint that it goes on from

    @property
    def course(self) -> Course:
        return self.answering.course

    @property
    def model(self) -> Any:
        return self.trainer.accelerator.unwrap_model(self.trainer.model)

    def measure(self, step: int) -> None:
        generate = self.answering.generate
        if generate is None:
            raise RunFailed("a policy was to be measured before there was one")
        policy = evaluation.says(self.model, how=self.how, temperature=self.setting.knobs.temperature)
        if step:
            self.course.measure(step, generate, policy=policy, reference=self.reference)
        else:
            self.course.begin(generate, policy=policy, reference=self.reference)
        if is_main_process() and self.course.best_step() == step:
            self.save_best(step)

    def reference(self, rollouts: Sequence[Rollout]) -> Said:
        """The base: with the adapters off, or the frozen copy."""
        model = self.model if self.base is None else self.base
        says = evaluation.says(model, how=self.how, temperature=self.setting.knobs.temperature)
        with model.disable_adapter() if self.base is None else nullcontext():
            return says(rollouts)

    def save_best(self, step: int) -> None:
        directory = self.setting.directory
        saving.save_best(directory, step, self.trained())
        spoken_of = [read_json(one) or {} for one in directory.checkpoints.glob(f"checkpoint-*/{COURSE}")]
        saving.forget_best(directory, but={step, *(one["best"] for one in spoken_of if "best" in one)})

    def trained(self) -> list[tuple[str, Any]]:
        return [(name, weight) for name, weight in self.model.named_parameters() if weight.requires_grad]


class Measuring(TrainerCallback):
    """Measures where it is time, saves then, and stops where a guard does."""

    def __init__(self, made: Rloo) -> None:
        self.made = made

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step in self.made.measured:
            self.made.measure(state.global_step)
            control.should_save = True
            control.should_training_stop = control.should_training_stop or self.made.course.stopped

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.is_world_process_zero:
            course = self.made.course
            path = Path(args.output_dir) / f"checkpoint-{state.global_step}" / COURSE
            write_json(path, {"course": course.as_json(), "best": course.best_step()})


def opened(found: Setting[RlooKnobs]) -> Rloo:
    """Models, trainer and course, all as they are before the first step."""
    knobs, machine = found.knobs, found.machine
    model = ranking.without_dropout(bases.load_causal(found.base, machine=machine))
    how = How(packed=sharing.packable(model, longest=knobs.max_length), pad=found.pad, precision=machine.precision)
    rollouts = rollouts_of(found)
    course = Course(
        directory=found.directory,
        evaluation=evaluation.of(found),
        knobs=knobs,
        steps=rollouts * knobs.iterations,
    )
    answering = Answering(
        prompts={prompt.id: prompt for prompt in found.prompts.train},
        course=course,
        tokenizer=found.base.tokenizer,
        meter=Meter(processes=processes()),
    )
    trainer = trainer_of(found, model, answering, rollouts=rollouts)
    answering.generate = generator(found, trainer)
    apart = math.ceil(knobs.eval_steps / knobs.iterations) if knobs.eval_steps else None
    measured = [number * knobs.iterations for number in evaluations(steps=rollouts, wanted=apart)]
    base = base_of(found, trainer)
    return Rloo(setting=found, trainer=trainer, answering=answering, how=how, measured=measured, base=base)


def rollouts_of(found: Setting[RlooKnobs]) -> int:
    """How often answers are drawn."""
    knobs = found.knobs
    if knobs.max_steps:
        return math.ceil(knobs.max_steps / knobs.iterations)
    return math.ceil((knobs.episodes or len(found.prompts.train)) / knobs.rollout_size)


def trainer_of(found: Setting[RlooKnobs], model: Any, answering: Answering, *, rollouts: int) -> Any:
    knobs = found.knobs
    adapters = setting.adapters(found)
    rate = setting.learning_rate(knobs, model, adapters=adapters)
    trainer_class, config_class, own = rloo_trl.method_of(knobs)
    trainer = trainer_class(
        answering=answering,
        repeats=knobs.num_generations,
        final_rate=knobs.final_rate,
        model=model,
        args=config_class(**arguments(found, rollouts=rollouts, learning_rate=rate), **own),
        train_dataset=dataset(found, rollouts=rollouts),
        processing_class=found.base.tokenizer,
        peft_config=lora.config(knobs, model, classifier=False) if adapters else None,
    )
    if trainer.ref_model is not None:  # TRL has read it from where the base lies, without the tokens that were added
        reference = trainer.accelerator.unwrap_model(trainer.ref_model)
        reference.resize_token_embeddings(model.get_input_embeddings().num_embeddings, mean_resizing=False)
        reference.load_state_dict(model.state_dict())
    return trainer


def base_of(found: Setting[RlooKnobs], trainer: Any) -> Any:
    """The reference's whole weights, if there are any; TRL keeps none with beta 0, where KL is still measured."""
    if setting.adapters(found):
        return None
    if trainer.ref_model is not None:
        return trainer.accelerator.unwrap_model(trainer.ref_model)
    return ranking.without_dropout(bases.load_causal(found.base, machine=found.machine)).requires_grad_(False)


def arguments(found: Setting[RlooKnobs], *, rollouts: int, learning_rate: float) -> dict[str, Any]:
    """A step's answers are one step of the optimiser, and every step has a line."""
    knobs = found.knobs
    job: Any = found  # it has what `shared` looks at
    share = knobs.rollout_size // processes()
    size = max(size for size in range(1, min(knobs.batch_size, share) + 1) if share % size == 0)
    return {
        **loop.shared(job, steps=rollouts * knobs.iterations, learning_rate=learning_rate),
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": share // size,
        "generation_batch_size": knobs.rollout_size,
        "num_iterations": knobs.iterations,
        "max_completion_length": setting.longest_answer(found.base, knobs),
        "temperature": knobs.temperature,
        "beta": knobs.beta,
        "epsilon": knobs.clip_range,
        "mask_truncated_completions": False,
        "router_aux_loss_coef": 0.0,  # the balance of a mixture of experts is left as it is
        "logging_steps": 1,
        "save_strategy": "no",  # `Measuring` says when
        "report_to": knobs.track or "none",
        "project": project(),
        "run_name": found.config.name,
    }


def dataset(found: Setting[RlooKnobs], *, rollouts: int) -> Dataset:
    """Ids of the prompts of all steps, in order."""
    size = found.knobs.rollout_size // found.knobs.num_generations
    asked = [
        prompt.id
        for step in range(1, rollouts + 1)
        for prompt in of_step(found.prompts.train, step=step, size=size, seed=found.config.seed)
    ]
    return Dataset.from_dict({"prompt": asked})


def generator(found: Setting[RlooKnobs], trainer: Any) -> Generator:
    model = trainer.accelerator.unwrap_model(trainer.model)
    remote = drawing.remote(found, model, adapter="default")
    if remote is not None:
        return remote
    local = drawing.local(found, model, batch_size=found.knobs.batch_size)

    def generate(prompts: Sequence[Prompt], *, draw: str, numbers: Sequence[int] | None = None) -> list[Rollout]:
        with scoring.evaluating(model), trainer.accelerator.autocast():
            return local(prompts, draw=draw, numbers=numbers)

    return generate


def fit(made: Rloo) -> None:
    """To the end, from the last whole checkpoint if there is one.

    Raises:
        RunFailed: the loss is no number, or the device's memory ran out.
    """
    trainer, directory = made.trainer, made.setting.directory
    found = go_on(made)
    if found is None:
        made.measure(0)
    if made.course.stopped:  # a guard had stopped it, and the kill came before the report
        return
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Measuring(made))
    trainer.add_callback(Progress(directory, what=NAMES[made.setting.knobs.method], meter=made.answering.meter))
    with loop.memory_told("lower batch_size or max_new_tokens, or set gradient_checkpointing=true"):
        trainer.train(resume_from_checkpoint=str(found) if found else None)


def go_on(made: Rloo) -> Path | None:
    """The checkpoint to go on from."""
    directory = made.setting.directory
    found = checkpoints.last_complete(directory.checkpoints)
    if found is not None:
        loop.check_processes(found[1])
        made.begun = found[0]
        made.course.go_on((read_json(found[1] / COURSE) or {})["course"], step=found[0])
    elif is_main_process():
        directory.completions.unlink(missing_ok=True)
    if is_main_process():
        directory.forget_metrics_after(found[0] if found else -1)
    return found[1] if found else None


def finish(made: Rloo) -> None:
    """The best policy within the budget becomes the run's model."""
    if not is_main_process():
        return
    found, trainer, model = made.setting, made.trainer, made.model
    saving.load_best(found.directory, made.course.best_step(), made.trained())
    steps = max(made.begun, trainer.state.global_step)
    train = {
        "steps": steps,
        "answers": steps // found.knobs.iterations * found.knobs.rollout_size,
        "trained_parameters": sum(weight.numel() for _, weight in made.trained()),
    }
    if setting.adapters(found):
        weights.save(found.directory.adapter, model, found.base.tokenizer)
        model = model.merge_and_unload()
    weights.save(found.directory.model, model, found.base.tokenizer)
    if isinstance(made.answering.generate, Remote):
        found = replace(found, notes=[*found.notes, *made.answering.generate.warnings()])
    report.write(found, made.course, what=NAMES[found.knobs.method], train=train, resolved=resolved(made))


def resolved(made: Rloo) -> dict[str, Any]:
    machine, arguments = made.setting.machine, made.trainer.args
    return {
        "device": machine.device,
        "precision": machine.precision,
        "threads": machine.threads,
        "lora": setting.adapters(made.setting),
        "learning_rate": arguments.learning_rate,
        "steps": arguments.max_steps,
        "forward_passes": arguments.gradient_accumulation_steps,
        "packed": made.how.packed,
    }

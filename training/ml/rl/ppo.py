"""Proximal policy optimisation on text: the policy learns from what reward models say of its own answers.

    reward of a token    r_t = -β · KL_t, and the answer's reward at its last token
    advantage            A_t = Σ (γλ)^k · δ_{t+k},  δ_t = r_t + γ·V_{t+1} - V_t                 (1506.02438)
    policy               mean over tokens of max(-A·ratio, -A·clip(ratio, 1 - ε, 1 + ε))        (1707.06347)
    value network        ½ · mean of max((V - R)², (V clipped to its old value ± ε - R)²)

A step: draw answers (`rollouts`), judge them by text (`judges`), ask policy, reference and value network what they
say of every token (`experience`), and go over them `ppo_epochs` times (`updates`). Details are those of 2403.17031,
the N+ implementation details: dropout off, log-probabilities at the temperature of sampling, the value network from
the reward model, advantages whitened, an answer without its end punished, Adam's epsilon 1e-5. The base is the
reference. Measured on held-out prompts all along (`course`); the best policy within the budget of KL is kept.

Left out: a value network that shares the policy's adapter; whole models cut over devices (the frozen backbone below
adapters is: `shards`).

    python -m training.ml runs/<name>        # config.json: {"kind": "ppo", …}, prompts.jsonl
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, gather_object

from training.exceptions import InvalidLauncher
from training.ml import scoring
from training.ml.backbones import bases
from training.ml.knobs.fields import as_text
from training.ml.knobs.rl import PpoKnobs
from training.ml.packed import sharing
from training.ml.rl import (
    drawing,
    evaluation,
    experience,
    objectives,
    report,
    saving,
    seats,
    setting,
    shards,
    starts,
    updates,
)
from training.ml.rl.actors import POLICY, Actors, Shared
from training.ml.rl.controllers import Controller
from training.ml.rl.course import Course, evaluations
from training.ml.rl.experience import Experience
from training.ml.rl.prompts import of_step
from training.ml.rl.rollouts import Prompt, Rollout, numbers_of
from training.ml.rl.saving import Progress
from training.ml.rl.servers import Remote
from training.ml.rl.setting import Setting
from training.ml.rl.states import How
from training.ml.rl.updates import Optimisation
from training.ml.run import checkpoints, loop, progress, sharding, throughput, weights
from training.ml.run.environment import is_main_process, processes, project
from training.ml.run.rundir import Config, RunDirectory
from training.ml.run.throughput import Meter

ABREAST = 4  # times as many answers are drawn at once as are learnt from at once: nothing is kept for gradients
TO_SAVE_MEMORY = "lower batch_size, max_length or max_new_tokens, or say lora_layers"


def run(directory: RunDirectory, config: Config, knobs: PpoKnobs) -> None:
    setting.check(config.kind, knobs)
    ppo = opened(setting.opened(directory, config, knobs))
    with loop.memory_told(TO_SAVE_MEMORY):
        ppo.train()
    finish(ppo)
    ppo.accelerator.end_training()


def opened(found: Setting[PpoKnobs]) -> "Ppo":
    """Models, optimiser and course, all as they are before the first step."""
    found.seed()
    knobs, machine = found.knobs, found.machine
    accelerator = accelerator_of(found)
    model = bases.load_causal(found.base, machine=machine)
    how = How(packed=sharing.packable(model, longest=knobs.max_length), pad=found.pad, precision=machine.precision)
    shared = knobs.layout == "shared" or (knobs.layout == "auto" and setting.adapters(found))
    rate = setting.learning_rate(knobs, model, adapters=shared)
    actors, value_start = starts.started(
        model, found.config.rewards, base=found.base, knobs=knobs, how=how, machine=machine, shared=shared
    )
    found, places = seated(found, actors)
    cut(actors, found)
    steps = knobs.max_steps or math.ceil((knobs.episodes or len(found.prompts.train)) / knobs.rollout_size)
    return Ppo(
        setting=found,
        actors=actors,
        how=updates.optimisation(actors, knobs=knobs, rate=rate, steps=steps),
        course=Course(directory=found.directory, evaluation=evaluation.of(found), knobs=knobs, steps=steps),
        controller=Controller(
            beta=knobs.beta,
            target=knobs.kl_target if knobs.kl_controller == "adaptive" else None,
            horizon=knobs.kl_horizon,
        ),
        steps=steps,
        accelerator=accelerator,
        remote=drawing.remote(found, actors.model, adapter=POLICY),
        resolved={
            "device": machine.device,
            "precision": machine.precision,
            "threads": machine.threads,
            "layout": "shared" if shared else "separate",
            "value_start": value_start,
            "reward_models": places,
            "learning_rate": rate,
            "steps": steps,
            "packed": how.packed,
            "parameters_here": shards.held(actors.model),
            "layers_read_once": actors.how.below.count if actors.how.below else 0,
            **value_of(actors),
        },
    )


def value_of(actors: Actors) -> dict[str, int]:
    """Of layers that its value network does not train."""
    if not isinstance(actors, Shared):
        return {}
    return {"value_layers_read_once": actors.value_how.below.count if actors.value_how.below else 0}


def seated(found: Setting[PpoKnobs], actors: Actors) -> tuple[Setting[PpoKnobs], str]:
    """Reward models on the policy's backbone where they can be; in words where each of them is."""
    judge, places = seats.seated(found.judge, actors, base=found.base)
    gold = found.gold
    if gold is not None:
        gold, more = seats.seated(gold, actors, base=found.base, name="held-out")
        places |= more
    told = "; ".join(f"{name}: {place}" for name, place in places.items())
    return replace(found, judge=judge, gold=gold), told


def cut(actors: Actors, found: Setting[PpoKnobs]) -> None:
    """Over the processes, where the launcher's file asks for it.

    Raises:
        InvalidLauncher: models that are trained whole.
    """
    if not sharding.asked_for_fsdp() or processes() == 1:
        return
    if not isinstance(actors, Shared):
        raise InvalidLauncher(
            "PPO cuts a frozen backbone over devices, and layout=separate trains whole models: leave lora and layout "
            "at auto, or say --accelerate-config ddp"
        )
    actors.cut(again=partial(bases.load_causal, found.base, machine=found.machine))


def accelerator_of(found: Setting[PpoKnobs]) -> Accelerator:
    """Processes, and whoever is told of every step."""
    track = found.knobs.track
    accelerator = Accelerator(
        cpu=found.machine.device == "cpu",
        log_with=track or None,
        project_config=ProjectConfiguration(
            project_dir=str(found.directory.path), logging_dir=str(found.directory.path / "tensorboard")
        ),
    )
    if track:
        told = {name: as_text(value) for name, value in found.config.knobs.items()}
        named = {name: {"name": found.config.name} for name in ("wandb", "trackio")}
        accelerator.init_trackers(project(), config=told | {"run": found.config.name}, init_kwargs=named)
    return accelerator


@dataclass(kw_only=True)
class Ppo:
    setting: Setting[PpoKnobs]
    actors: Actors
    how: Optimisation
    course: Course
    controller: Controller
    steps: int
    accelerator: Any
    resolved: dict[str, Any]
    remote: Remote | None = None
    step: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def knobs(self) -> PpoKnobs:
        return self.setting.knobs

    @property
    def directory(self) -> RunDirectory:
        return self.setting.directory

    def train(self) -> None:
        """To the end, from the last whole checkpoint if there is one."""
        self.go_on()
        meter = Meter(processes=processes())
        meter.begin()
        measured = evaluations(steps=self.steps, wanted=self.knobs.eval_steps)
        bar = progress.bar(total=self.steps, what="PPO", unit="step", done=self.step) if is_main_process() else None
        if not self.course.history:
            self.begin()
        while self.step < self.steps and not self.course.stopped:
            self.step += 1
            numbers = self.learn(meter)
            self.log(numbers, bar=bar)
            if self.step in measured:
                self.measure()
            if self.step in measured or self.step % (self.knobs.save_steps or self.steps) == 0:
                self.save()
        if bar is not None:
            bar.close()
            throughput.note(self.directory, meter.describe() | {"seconds_of": dict(self.seconds)})

    def go_on(self) -> None:
        found = checkpoints.last_complete(self.directory.checkpoints)
        if found is None:
            if is_main_process():
                self.directory.forget_metrics_after(-1)
                self.directory.completions.unlink(missing_ok=True)
            return
        loop.check_processes(found[1])
        kept = saving.load(found[1], actors=self.actors, how=self.how)
        self.step = kept.step
        self.controller = replace(self.controller, beta=kept.beta)
        self.course.go_on(kept.course, step=kept.step)
        if is_main_process():
            self.directory.forget_metrics_after(kept.step)

    def learn(self, meter: Meter) -> dict[str, float]:
        """One step: what was seen of it, as means over all processes."""
        knobs, seed = self.knobs, self.setting.config.seed
        self.actors.forget()
        asked = of_step(self.setting.prompts.train, step=self.step, size=knobs.rollout_size, seed=seed)
        places = list(range(self.accelerator.process_index, knobs.rollout_size, processes()))
        with self.timed("generation"):
            draws = numbers_of([prompt.id for prompt in asked])
            answers = self.generate(
                [asked[place] for place in places],
                draw=f"step {self.step}",
                numbers=[draws[place] for place in places],
            )
        with self.timed("scoring"):
            verdicts = self.course.judge.of(answers)
            found = experience.gathered(
                self.actors, answers, verdicts, places=places, knobs=knobs, beta=self.controller.beta
            )
        with self.timed("update"):
            numbers = updates.update(self.actors, found, self.how, knobs=knobs, step=self.step, seed=seed)
        meter.tokens += sum(len(answer.prompt.ids) + len(answer.answer) for answer in answers)
        return numbers | self.figures(found)

    def figures(self, found: Experience) -> dict[str, float]:
        figures = gather_object(found.figures())
        means = {name: math.fsum(one[name] for one in figures) / len(figures) for name in figures[0]}
        everything = range(len(found.rollouts))
        explained = objectives.explained_variance(found.of("values", everything), found.of("returns", everything))
        beta = self.controller.beta
        self.controller = self.controller.after(means["kl"], answers=len(figures))
        return means | {"beta": beta, "explained_variance": explained}

    def generate(
        self, prompts: Sequence[Prompt], *, draw: str, numbers: Sequence[int] | None = None
    ) -> list[Rollout]:
        if self.remote is not None:
            with self.actors.using(POLICY):
                return self.remote(prompts, draw=draw, numbers=numbers)
        with self.actors.generating() as model, scoring.evaluating(model), self.actors.how.autocast(model):
            local = drawing.local(self.setting, model, batch_size=ABREAST * self.knobs.batch_size)
            return local(prompts, draw=draw, numbers=numbers)

    def begin(self) -> None:
        with self.timed("measuring"):
            self.course.begin(self.generate, policy=self.actors.policy, reference=self.actors.reference)
        self.keep_best()

    def measure(self) -> None:
        """Every process measures the same: it is a small part of the work, and none waits for another."""
        with self.timed("measuring"):
            self.course.measure(self.step, self.generate, policy=self.actors.policy, reference=self.actors.reference)
        self.keep_best()

    def keep_best(self) -> None:
        if is_main_process() and self.course.best_step() == self.step:
            saving.save_best(self.directory, self.step, self.actors.trained()[POLICY])

    def save(self) -> None:
        if not is_main_process():
            return
        kept = Progress(
            step=self.step,
            beta=self.controller.beta,
            course=self.course.as_json(),
            best=self.course.best_step(),
        )
        saving.save(self.directory, kept, actors=self.actors, how=self.how)

    def log(self, numbers: dict[str, float], *, bar: Any) -> None:
        line = numbers | {"learning_rate": self.how.rate}
        line |= {f"seconds_{name}": round(value, 3) for name, value in self.seconds.items()}
        if is_main_process():
            self.directory.append_metrics({"step": self.step, "steps": self.steps, **line})
            self.accelerator.log(line, step=self.step)
            bar.set_postfix_str(f"score {numbers['score']:.3f}, KL {numbers['kl']:.2f}")
            bar.update()

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Seconds since this process began, by what they were spent on."""
        begun = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - begun


def finish(ppo: Ppo) -> None:
    """The best policy within the budget becomes the run's model."""
    if not is_main_process():
        return
    found = ppo.setting
    named = ppo.actors.trained()
    saving.load_best(found.directory, ppo.course.best_step(), named[POLICY])
    trained = sum(parameter.numel() for pairs in named.values() for _, parameter in pairs)
    if ppo.remote is not None:
        found = replace(found, notes=[*found.notes, *ppo.remote.warnings()])
    model, adapter = ppo.actors.finished()
    if adapter is not None:
        weights.save(found.directory.adapter, adapter, found.base.tokenizer)
    weights.save(found.directory.model, model, found.base.tokenizer)
    train = {"steps": ppo.step, "answers": ppo.step * ppo.knobs.rollout_size, "trained_parameters": trained}
    report.write(found, ppo.course, what="PPO", train=train, resolved=ppo.resolved)

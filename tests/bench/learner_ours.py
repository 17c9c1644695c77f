"""PPO of ours, timed; and the measurement of any policy on held-out prompts, for both sides the same."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from tests.bench.learners import Clock, Found, Training
from training.ml import knobs, scoring
from training.ml.backbones import bases
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl import drawing, evaluation, ppo, prompts, setting
from training.ml.rl.evaluation import Evaluation
from training.ml.rl.ppo import Ppo
from training.ml.rl.prompts import Prompts
from training.ml.rl.setting import Setting
from training.ml.rl.states import How
from training.ml.run.rundir import Config, RewardReference, RunDirectory

ROOM = 2  # tokens that a conversation may have beside its prompt and answer


def measured(training: Training) -> Found:
    clock = Clock()
    learner = Timed(clock=clock, of=ppo.opened(opened(training)))
    learner.train()
    history = [trimmed(line) for line in learner.course.history] if training.measured else []
    return clock.found(together=training.together, tokens=learner.tokens, history=history)


class Timed(Ppo):
    def __init__(self, *, clock: Clock, of: Ppo) -> None:
        super().__init__(**{one.name: getattr(of, one.name) for one in fields(of)})
        self.clock = clock
        self.seconds = clock.phases  # type: ignore[assignment]

    def log(self, numbers: dict[str, float], *, bar: Any) -> None:
        self.tokens = numbers["length"]
        self.clock.step_ended()
        super().log(numbers, bar=bar)

    def measure(self) -> None:
        self.clock.without(super().measure)


def planned(training: Training) -> tuple[RunDirectory, Config, PpoKnobs]:
    run = RunDirectory(training.directory / "run")
    shape = knobs.as_json(knobs.parse("ppo", asked(training)))
    config = Config(
        name="bench",
        kind="ppo",
        release=None,
        base=str(training.policy),
        seed=training.seed,
        knobs=shape,
        rewards=(RewardReference(source=str(training.reward), weight=1.0, hash=""),),
    )
    run.write_config(config)
    run.prompts.write_bytes(training.prompts.read_bytes())
    return run, config, knobs.from_json("ppo", shape)


def opened(training: Training) -> Setting[Any]:
    return setting.opened(*planned(training))


def prompts_of(training: Training) -> Prompts:
    """As ours reads them, for the other side."""
    run, config, chosen = planned(training)
    base = bases.find(config, knobs=chosen)
    return prompts.read(run, encoder=setting.encoder_of(base, chosen), room=setting.room_of(base, chosen))


def asked(training: Training) -> dict[str, str]:
    """Knobs that are not at their default."""
    return {
        "device": "cpu",
        "precision": "fp32",
        "threads": str(training.threads),
        "max_length": str(training.prompt + training.answer + ROOM),
        "max_new_tokens": str(training.answer),
        "batch_size": str(training.batch),
        "rollout_size": str(training.together),
        "max_steps": str(training.steps),
        "ppo_epochs": str(training.epochs),
        "learning_rate": str(training.rate),
        "beta": str(training.beta),
        "temperature": str(training.temperature),
        "eval_prompts": str(training.measured or 1),
        "eval_steps": str(max(1, training.steps // training.measurements)),
        "warmup_share": "0",
        "weight_decay": "0",
        "stop_on": "",
        "check_reward": "false",
        **training.knobs,
    }


class Measurer:
    """Of policies that were trained elsewhere: by the same measurement that our course takes."""

    def __init__(self, training: Training) -> None:
        found = self.setting = opened(training)
        reference = bases.load_causal(found.base, machine=found.machine)
        self.how = How(packed=False, pad=found.pad, precision=found.machine.precision)
        self.temperature = training.temperature
        self.reference = evaluation.says(reference, how=self.how, temperature=self.temperature)
        self.evaluation = Evaluation(
            prompts=evaluation.chosen(found.prompts.test, n=found.knobs.eval_prompts),
            judge=found.judge,
            gold=None,
            size=found.knobs.batch_size,
        )

    def of(self, policy: Any, *, step: int) -> dict[str, float]:
        says = evaluation.says(policy, how=self.how, temperature=self.temperature)
        with scoring.evaluating(policy):
            local = drawing.local(self.setting, policy, batch_size=self.evaluation.size)
            found = self.evaluation.measure(local, policy=says, reference=self.reference)
        return trimmed({"step": step, **found.measured.as_json()})


def trimmed(
    line: dict[str, Any], names: Iterable[str] = ("step", "score", "kl", "length", "ended")
) -> dict[str, float]:
    return {name: float(line[name]) for name in names}

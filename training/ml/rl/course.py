"""The course of a run that learns from rewards: its measurements, alarms and best policy, for PPO and RLOO alike.

A measurement stands in metrics.jsonl under `held_out`, and a few of its answers in completions.jsonl. Every other
prompt has a say in which policy is kept; what that one gained is told of the rest, which it was not chosen by. What a
resumed run needs of this is in `as_json`, which the checkpoint holds.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from training.exceptions import RunFailed
from training.ml.knobs.rl import RolloutKnobs
from training.ml.rl import guards
from training.ml.rl.evaluation import DRAW, Answered, Evaluation, Says
from training.ml.rl.guards import Guards
from training.ml.rl.judges import Judge
from training.ml.rl.measured import Measured
from training.ml.rl.rollouts import Generator
from training.ml.run.environment import is_main_process
from training.ml.run.rundir import RunDirectory, append_line, line_of, read_lines, write_text

SHOWN = 4  # answers of a measurement that are kept as text
CHOOSING, TELLING = slice(0, None, 2), slice(1, None, 2)  # places of held-out prompts
LISTS = {"score": "scores", "gold": "golds"}  # in the history, of every answer


@dataclass(kw_only=True)
class Course:
    """`history`: of each measurement its step, its numbers, and each answer's `scores` (and `golds`)."""

    directory: RunDirectory
    evaluation: Evaluation
    knobs: RolloutKnobs
    steps: int
    history: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False

    @property
    def judge(self) -> Judge:
        """Of the answers that are learnt from, too: what it knows of the base's answers is learnt here."""
        return self.evaluation.judge

    def begin(self, generate: Generator, *, policy: Says, reference: Says) -> None:
        """Measure the base, before anything is learnt."""
        if self.knobs.normalise:
            answers = generate(self.evaluation.prompts, draw=DRAW)
            self.evaluation = replace(self.evaluation, judge=self.judge.calibrated(answers))
        self.measure(0, generate, policy=policy, reference=reference)

    def measure(self, step: int, generate: Generator, *, policy: Says, reference: Says) -> None:
        """The policy as it is after so many steps; `stopped`: a guard ends the run."""
        found = self.evaluation.measure(generate, policy=policy, reference=reference)
        self.history.append({"step": step, **asdict(found.measured), **found.by_answer()})
        alarms = self.guards().alarms(found.measured) if step else []
        self.alarms += [{"step": step, **asdict(alarm)} for alarm in alarms]
        self.stopped = any(alarm.stops for alarm in alarms)
        if is_main_process():
            self.directory.append_metrics({"step": step, "steps": self.steps, "held_out": asdict(found.measured)})
            self.show(step, found)

    def show(self, step: int, found: Answered) -> None:
        for rollout, verdict in list(zip(found.rollouts, found.verdicts, strict=True))[:SHOWN]:
            line = {"step": step, "prompt": rollout.prompt.messages, "text": rollout.text}
            append_line(self.directory.completions, line | {"reward": verdict.reward, "score": verdict.score})

    def guards(self) -> Guards:
        return Guards(knobs=self.knobs, start=self.measured(0))

    def measured(self, place: int) -> Measured:
        known = Measured.__dataclass_fields__
        return Measured(**{name: value for name, value in self.history[place].items() if name in known})

    def best(self) -> int:
        """The place of the best measurement within the budget of KL (of all prompts), by the prompts that choose."""
        chosen = [
            replace(self.measured(place), **rewards(entry, CHOOSING)) for place, entry in enumerate(self.history)
        ]
        return guards.best(chosen, max_kl=self.knobs.max_kl)

    def choosing(self) -> int:
        """How many prompts have a say in which policy is kept and none in what is told; 0: a single one does both."""
        return len(self.evaluation.prompts[CHOOSING]) if len(self.evaluation.prompts) > 1 else 0

    def told(self, place: int) -> dict[str, Any]:
        """A measurement, its rewards on the prompts that had no say; a single prompt is both."""
        entry = self.history[place]
        part = TELLING if self.choosing() else CHOOSING
        return entry | {name: entry[name][part] for name in LISTS.values() if name in entry} | rewards(entry, part)

    def best_step(self) -> int:
        return int(self.history[self.best()]["step"])

    def as_json(self) -> dict[str, Any]:
        kept = {"history": self.history, "alarms": self.alarms, "stopped": self.stopped}
        return kept | {"judge": self.judge.as_json(), "choosing": self.choosing()}

    def go_on(self, kept: dict[str, Any], *, step: int) -> None:
        """From the checkpoint of this step; texts of later ones will be written again.

        Raises:
            RunFailed: the best policies that were kept were chosen by another rule.
        """
        if kept.get("choosing") != self.choosing():
            raise RunFailed(
                "an earlier version began this run, and chose the policy to keep otherwise: remove "
                f"{self.directory.checkpoints}, and it begins anew"
            )
        self.history, self.alarms, self.stopped = kept["history"], kept["alarms"], kept["stopped"]
        self.evaluation = replace(self.evaluation, judge=self.judge.from_json(kept["judge"]))
        if is_main_process() and self.directory.completions.exists():
            lines = [line for line in read_lines(self.directory.completions) if line["step"] <= step]
            write_text(self.directory.completions, "".join(map(line_of, lines)))


def rewards(entry: dict[str, Any], part: slice) -> dict[str, Any]:
    """Their means on a part of the prompts."""
    lists = {name: entry[values][part] for name, values in LISTS.items() if values in entry}
    return {name: math.fsum(values) / len(values) for name, values in lists.items()}


def evaluations(*, steps: int, wanted: int | None, apart: int = 10) -> Sequence[int]:
    """After which steps is measured; the last one always."""
    every = wanted or max(1, round(steps / apart))
    return sorted({*range(every, steps + 1, every), steps})

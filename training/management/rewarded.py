"""What `train_ppo`, `train_rloo` and `best_of_n` share: prompts to answer, and what answers are rewarded by."""

from typing import Any

from django.core.management.base import CommandParser

from training.actions import learning, prompts, runs
from training.actions.launchers import Launcher
from training.actions.prompts import Prompts
from training.exceptions import InvalidRun
from training.management.train import TrainCommand, assignments
from training.models import Run

REWARD = "RM[=WEIGHT]"
PROMPTS = {"release": prompts.of_release, "prompts": prompts.of_file}


class RewardedCommand(TrainCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base", metavar="POLICY", help="an artifact, a directory, or a name on the hub")
        parser.add_argument(
            "--reward",
            action="extend",
            nargs="+",
            default=[],
            metavar=REWARD,
            help="reward models (artifact, run, directory) or functions (module:function), each with its weight",
        )
        parser.add_argument(
            "--held-out-reward",
            action="extend",
            nargs="+",
            default=[],
            metavar=REWARD,
            help="a reward that nothing is trained on; measured beside the others, it says which policy is kept",
        )
        self.add_prompts(parser)
        self.add_shared(parser)

    def add_prompts(self, parser: CommandParser) -> None:
        parser.add_argument("--release", help="answer the prompts of this release, its splits kept")
        parser.add_argument(
            "--prompts",
            metavar="FILE",
            help="answer those of a file: native rows or messages (.json, .jsonl, either with .gz, or .parquet)",
        )

    def carried_out(self, *, launcher: Launcher, **options: Any) -> Run:
        asked = self.asked(**options)
        for reason, count in (asked.left_out if asked else {}).items():
            self.stderr.write(f"{count} of the records left out: {reason}")
        wanted = learning.plan(
            kind=self.kind,
            asked=asked,
            base=options["base"],
            trained_on=options["reward"],
            held_out=options["held_out_reward"],
            values=assignments(self.knobs_of(**options)),
            seed=options["seed"],
            resume=options["resume"],
        )
        return runs.work(wanted, resume=options["resume"], launcher=launcher, name=options["name"])

    def asked(self, **options: Any) -> Prompts | None:
        """Of the one place that was named; None: nothing was.

        Raises:
            InvalidRun: several were.
        """
        named = [name for name in self.places() if options[name]]
        if len(named) > 1:
            raise InvalidRun(f"{' and '.join(f'--{name}' for name in named)}: say one place that prompts come from.")
        return self.places()[named[0]](options[named[0]]) if named else None

    def places(self) -> dict[str, Any]:
        """By option, what reads its prompts."""
        return PROMPTS

    def knobs_of(self, **options: Any) -> list[str]:
        return list(options["set"])

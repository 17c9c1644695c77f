"""What the commands that train share: their options, their help, and what they say at the end."""

import argparse
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from training.actions import launchers, runs
from training.actions.launchers import Launcher
from training.actions.plans import DEFAULT_SEED
from training.exceptions import InvalidKnob
from training.management.summaries import summary
from training.ml import knobs
from training.models import Run


class TrainCommand(BaseCommand):
    """Subclasses say which kind they train, and how one calls them."""

    kind: ClassVar[str]
    example: ClassVar[str]

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=f"example:\n  {self.example}\n\nknobs for --set:\n{knob_table(self.kind)}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--release", help="directory, name under RELEASES_DIR, or how its name or hash begins")
        parser.add_argument(
            "--base", help=f"`tiny`, an artifact, a directory, or a name on the hub (default {settings.BASE_MODEL})"
        )
        self.add_shared(parser)

    def add_shared(self, parser: CommandParser) -> None:
        """What is asked of every kind of run."""
        parser.add_argument(
            "--set", action="extend", nargs="+", default=[], metavar="NAME=VALUE", help="knobs, listed below"
        )
        parser.add_argument("--seed", type=int, help=f"default {DEFAULT_SEED}")
        parser.add_argument("--resume", metavar="RUN", help="go on with this run; the same command again does so too")
        parser.add_argument("--launcher", choices=launchers.NAMES, default="local", help="default local")
        parser.add_argument(
            "--accelerate-config",
            metavar="FILE",
            help="how accelerate shares the work: ddp, fsdp2, zero2, zero3, or a file of your own (default: what "
            "`accelerate config` wrote)",
        )
        parser.add_argument("--processes", type=int, help="how many, one a device (default: as the file says)")
        parser.add_argument("--name", default="", help="what the result is called (default: as the run)")

    def handle(self, **options: Any) -> None:
        run = self.carried_out(**options | {"launcher": launcher_of(options)})
        self.stdout.write("\n".join([*summary(run), *self.next_steps(run)]))

    def carried_out(self, *, launcher: Launcher, **options: Any) -> Run:
        return runs.train(
            kind=self.kind,
            release=options["release"],
            base=options["base"],
            values=assignments(options["set"]),
            seed=options["seed"],
            resume=options["resume"],
            data=options.get("data") or (),
            launcher=launcher,
            name=options["name"],
        )

    def next_steps(self, run: Run) -> Iterable[str]:
        """Which command goes on from here."""
        return ()


def launcher_of(options: Mapping[str, Any]) -> Launcher:
    return launchers.find(
        options["launcher"], accelerate_config=options["accelerate_config"], processes=options["processes"]
    )


def assignments(texts: Iterable[str]) -> dict[str, str]:
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidKnob(f"--set {text}: expected name=value, as in --set epochs=2.")
        values[name.strip()] = value
    return values


def knob_table(kind: str) -> str:
    """Every knob with its default, and its description below."""
    lines = []
    for knob in knobs.describe(kind):
        lines.append(f"  {knob.name}={knob.default}")
        lines += textwrap.wrap(knob.help, width=100, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)

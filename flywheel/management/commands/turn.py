from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from flywheel.actions import lookup, turns
from flywheel.actions.turn_settings import KINDS, METHODS, parse_knobs

NUMBERS = {
    "min_judgements": "Go on with as many new judgements; also enough to skip asking for any (default 50).",
    "prompts": "Prompts to have answered and ranked (default 64).",
    "answers": "Answers to each of them, 2 to 9 (default 4).",
    "challenges": "Prompts on which the new policy meets the present one (default 40).",
    "seed": "Decides every choice and every training (default 17).",
}


class Command(BaseCommand):
    help = (
        "Take a project once round the loop: select, sample, push, label, release, reward_model, policy, challenge, "
        "gates, promote. It stops where it waits for people; the same command goes on. "
        "Example: manage.py turn --project demo --set dpo.learning_rate=1e-4"
    )

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        return super().create_parser(*args, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="P", help="The project's short name.")
        parser.add_argument(
            "--method", choices=METHODS, help=f"How the policy learns (default {settings.TURN_METHOD})."
        )
        parser.add_argument(
            "--simulate-labels",
            action="store_true",
            default=None,
            help="Let simulated annotators do the label stage, marked so; only for the demo's questions.",
        )
        for name, text in NUMBERS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=text)
        parser.add_argument(
            "--set",
            action="extend",
            nargs="+",
            default=[],
            metavar="KIND.NAME=VALUE",
            help=f"Knobs of {', '.join(KINDS)}, such as rm.learning_rate=1e-4 dpo.beta=0.1.",
        )
        parser.add_argument("--abandon", metavar="WHY", help="End the unfinished turn instead, and say why.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = lookup.project(options["project"])
        if options["abandon"]:
            turn = turns.abandon(project, reason=options["abandon"])
            self.stdout.write(f"{turn} was abandoned; what was labelled stays.")
            return
        given = {name: options[name] for name in (*NUMBERS, "method", "simulate_labels")}
        given["knobs"] = parse_knobs(options["set"])
        turn = turns.go(project, given=given, say=self.say)
        again = f"manage.py turn --project {project.slug}"
        self.stdout.write(f"{turn} is {turn.state}." + (f" Then go on: {again}" if turn.finished_at is None else ""))

    def say(self, stage: str, sentence: str) -> None:
        self.stdout.write(f"{stage:13} {sentence}")
        self.stdout.flush()

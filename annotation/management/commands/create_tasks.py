import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from annotation.actions import projects, tasks


class Command(BaseCommand):
    help = "Put prompts that have enough responses in the annotators' queue; the same call again adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "example:\n  manage.py create_tasks --project qa --responses 4 --overlap 3"
        parser.add_argument("--project", required=True, help=projects.PROJECT_HELP)
        parser.add_argument("--responses", type=int, help="how many each task shows (default: as the project says)")
        parser.add_argument("--overlap", type=int, help="how many people judge each (default: as the project says)")
        parser.add_argument("--strategy", default="random", help=f"one of: {', '.join(sorted(tasks.STRATEGIES))}")
        parser.add_argument("--limit", type=int, help="file tasks for at most this many prompts")
        parser.add_argument("--seed", type=int, default=0, help="another seed chooses other prompts and responses")

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"])
        with tqdm(unit=" tasks", disable=not sys.stderr.isatty()) as bar:
            found = tasks.create_for_prompts(
                project,
                responses=project.responses_per_task if options["responses"] is None else options["responses"],
                overlap=project.overlap if options["overlap"] is None else options["overlap"],
                strategy=options["strategy"],
                seed=options["seed"],
                limit=options["limit"],
                progress=bar.update,
            )
        self.stdout.write(
            f"{found.made:,} tasks made, {found.known:,} known ({found.reopened:,} of them got new slots), "
            f"{found.too_few_responses:,} prompts have too few different responses."
        )

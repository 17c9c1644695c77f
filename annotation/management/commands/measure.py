import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.actions import projects
from annotation.actions.quality import keeping


class Command(BaseCommand):
    help = "Keep the figures of the quality pages up to date: measure what has changed, again and again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "examples:\n  manage.py measure\n  manage.py measure --once --project qa"
        parser.add_argument("--every", type=seconds, default=keeping.EVERY, help="seconds between two looks")
        parser.add_argument("--once", action="store_true", help="look once, measure what is old, and end")
        parser.add_argument("--project", help=f"only this one: {projects.PROJECT_HELP}")

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"]) if options["project"] else None
        try:
            keeping.keep(every=options["every"], once=options["once"], project=project, tell=self.say)
        except KeyboardInterrupt:
            self.say("stopped; the next look goes on from here")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 to 86400 seconds")
    return value

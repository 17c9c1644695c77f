from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from flywheel.actions import generations, lookup


class Command(BaseCommand):
    help = (
        "Make a generation the one that answers, if its gates have passed. "
        "Example: manage.py promote --project demo --generation 1"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="P", help="The project's short name.")
        parser.add_argument("--generation", type=int, metavar="N", help="Its number (default: the newest candidate).")
        parser.add_argument("--force", action="store_true", help="Although a gate has not passed; needs --reason.")
        parser.add_argument("--reason", default="", metavar="WHY", help="Kept in the audit trail.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = lookup.project(options["project"])
        generation = generations.promote(
            project, number=options["generation"], force=options["force"], reason=options["reason"]
        )
        self.stdout.write(f"{generation} answers in {project} now.")
        self.stdout.write(f"To take it back: manage.py rollback --project {project.slug}")

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from flywheel.actions import generations, lookup


class Command(BaseCommand):
    help = (
        "Bring back the generation that was promoted before the present one. "
        "Example: manage.py rollback --project demo --reason 'answers became too long'"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="P", help="The project's short name.")
        parser.add_argument("--reason", default="", metavar="WHY", help="Kept in the audit trail.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = lookup.project(options["project"])
        generation = generations.rollback(project, reason=options["reason"])
        self.stdout.write(f"{generation} answers in {project} again.")

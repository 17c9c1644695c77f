from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from annotation.models import Project
from flywheel.actions import lookup, status
from flywheel.actions.status import GenerationStatus, Status


class Command(BaseCommand):
    help = (
        "How each project's loop stands: generations, gates, win rates, what waits, what to type next. "
        "Example: manage.py flywheel_status --project demo"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", metavar="P", help="The project's short name (default: all).")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["project"]
        projects = [lookup.project(name)] if name else list(Project.objects.all())
        if not projects:
            self.stdout.write("There are no projects yet: `manage.py demo` makes one.")
        for project in projects:
            self.show(status.of(project))

    def show(self, found: Status) -> None:
        self.stdout.write(f"{found.project.slug}: {found.verdict}")
        for one in found.generations:
            self.show_generation(one)
        if found.waits_for:
            self.stdout.write(f"  {found.waits_for}")
        self.stdout.write(f"  next: {found.next_command}")

    def show_generation(self, one: GenerationStatus) -> None:
        generation = one.generation
        parent = f" from {generation.parent}" if generation.parent else ""
        self.stdout.write(f"  {generation}{parent}: {generation.get_state_display().lower()}")
        if generation.artifact and generation.artifact.run:
            run = generation.artifact.run
            self.stdout.write(f"    trained by {run.name} on release {run.release_hash[:12]}")
        self.stdout.write(f"    blind human win rate: {one.win_rate_in_words}")
        for verdict in one.verdicts:
            self.stdout.write(f"    gate {verdict.name}: {verdict.in_words}")

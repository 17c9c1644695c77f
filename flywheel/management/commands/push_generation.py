from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import pluralize

from flywheel.actions import challenges, lookup


class Command(BaseCommand):
    help = (
        "Put a new policy's answers, blinded and mixed with the present one's, into the annotators' queue. Both must "
        "have answered the prompts (`sample`). Example: manage.py push_generation --project demo --policy demo-g1"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="P", help="The project's short name.")
        parser.add_argument("--policy", metavar="NEW", help="The new policy or run (default: the newest candidate).")
        parser.add_argument("--against", metavar="INCUMBENT", help="Whom it meets (default: what is promoted).")
        parser.add_argument("--limit", type=int, metavar="N", help="At most so many tasks.")

    def handle(self, *args: Any, **options: Any) -> None:
        project = lookup.project(options["project"])
        generation = challenges.challenger(project, policy=options["policy"])
        against = challenges.opponent(project, policy=options["against"])
        pushed = challenges.push(project, generation=generation, against=against, limit=options["limit"])
        self.stdout.write(
            f"{generation} against {against}: {pushed.created} new task{pluralize(pushed.created)} in the queue, "
            f"{pushed.known} were there, {pushed.identical} prompt{pluralize(pushed.identical)} left out because "
            "both said the same."
        )
        self.stdout.write(f"Next: manage.py flywheel_status --project {project.slug}")

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.actions import projects
from annotation.actions.quality.measuring import measure
from annotation.actions.quality.wording import lines
from annotation.models import Measurement


class Command(BaseCommand):
    help = "Measure a project's labels now, keep the figures for the quality pages, and print them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = (
            "examples:\n  manage.py agreement --project qa\n  manage.py agreement --project qa --json > qa.json"
        )
        parser.add_argument("--project", required=True, help=projects.PROJECT_HELP)
        parser.add_argument("--json", action="store_true", help="all figures as JSON, as the pages read them")
        parser.add_argument(
            "--voices", choices=Measurement.Voices.values, default="people", help="whose labels (default: people)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"])
        tell = (lambda step: None) if options["json"] else lambda step: self.stderr.write(f"{step} …")
        measurement = measure(project, voices=options["voices"], tell=tell)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(measurement), indent=1))
            return
        for line in lines(measurement.content):
            self.stdout.write(line)
        self.stdout.write(f"Next: manage.py export_release --project {project.slug} --weights dawid-skene")


def as_json(measurement: Measurement) -> dict[str, Any]:
    people = measurement.annotators.select_related("annotator").order_by("-judgements", "annotator__name")
    return {
        "project": measurement.project.slug,
        "voices": measurement.voices,
        "measured_at": measurement.measured_at and measurement.measured_at.isoformat(),
        "seconds": measurement.seconds,
        **measurement.content,
        "annotators": [{"name": row.annotator.name, **row.content} for row in people],
    }

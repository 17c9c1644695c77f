import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotation.actions import projects
from annotation.actions.quality import against, responses
from annotation.actions.quality.against import Field
from annotation.actions.quality.gathering import gathered
from annotation.actions.quality.measuring import measure
from annotation.actions.quality.onward import next_step
from annotation.actions.quality.wording import lines, more_lines
from annotation.models import Measurement, Project


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
        parser.add_argument(
            "--responses", action="store_true", help="also how often each response was the best, and the worst"
        )
        parser.add_argument(
            "--known",
            type=field,
            metavar="FIELD=FIRST,SECOND,…",
            help="hold labels against this field of the tasks' metadata: what it says for each position",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"])
        tell = (lambda step: None) if options["json"] else lambda step: self.stderr.write(f"{step} …")
        measurement = measure(project, voices=options["voices"], tell=tell)
        more = extra(project, options)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(measurement) | more, indent=1))
            return
        for line in [*lines(measurement.content), *more_lines(more)]:
            self.stdout.write(line)
        self.stdout.write(f"Next: {next_step(measurement)}")


def extra(project: Project, options: dict[str, Any]) -> dict[str, Any]:
    """Figures that were asked for and that are not kept."""
    if options["known"] is None and not options["responses"]:
        return {}
    facts = gathered(project, voices=options["voices"])
    more: dict[str, Any] = {}
    if options["known"]:
        more["against_known"] = against.labels_against(facts, options["known"])
    if options["responses"]:
        more["responses"] = responses.scores(facts)
    return more


def field(text: str) -> Field:
    name, _, values = text.partition("=")
    if not name or "," not in values:
        raise argparse.ArgumentTypeError(f"{text}: expected a field and what it says for each position: gold=a1,a2")
    return Field(name=name, values=tuple(values.split(",")))


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

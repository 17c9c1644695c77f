from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from annotation.actions import import_files, known_answers, projects
from annotation.actions.import_plans import Naming
from annotation.actions.import_report import next_step
from annotation.formats.detection import NAMES
from annotation.formats.rows import POLICY_KINDS


class Command(BaseCommand):
    help = """Bring prompts, responses and judgements into a project. What is there already is not added twice.

Example:
  manage.py import_data test.jsonl.gz --project harmless --create"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help=".jsonl, .json, .csv or .parquet, also with .gz")
        parser.add_argument("--project", required=True, help=projects.PROJECT_HELP)
        parser.add_argument("--create", action="store_true", help="Make the project if there is none of this name.")
        parser.add_argument(
            "--format", choices=NAMES, default="auto", help="Told from the first records unless named."
        )
        parser.add_argument("--mapping", type=Path, help="TOML file that says where the fields are.")
        parser.add_argument("--policy", default="", help="Who wrote the responses that name nobody.")
        parser.add_argument("--policy-kind", choices=POLICY_KINDS, default="", help="What that policy is.")
        parser.add_argument("--keep-annotator-ids", action="store_true", help="Keep ids as they are, unhidden.")
        parser.add_argument("--strict", action="store_true", help="Stop at the first bad row and keep nothing.")
        parser.add_argument("--in-batches", action="store_true", help="Keep each 500 rows as they are read.")
        parser.add_argument("--rejects", type=Path, help="Where bad rows go; else beside the file.")

    def handle(self, *args: Any, **options: Any) -> None:
        naming = Naming(
            policy=options["policy"],
            policy_kind=options["policy_kind"],
            keep_annotator_ids=options["keep_annotator_ids"],
        )
        in_batches = options["in_batches"] and not options["strict"]
        project_found = import_files.project_for_import(
            options["project"], create=options["create"], by=None, in_batches=in_batches
        )
        with (
            project_found as project,
            tqdm(unit="B", unit_scale=True, disable=None, leave=False) as bar,
        ):

            def progress(position: int, size: int) -> None:
                bar.total = size
                bar.update(position - bar.n)

            report = import_files.import_file(
                options["file"],
                project=project,
                by=None,
                fmt=options["format"],
                mapping=options["mapping"],
                naming=naming,
                strict=options["strict"],
                in_batches=in_batches,
                rejects=options["rejects"],
                progress=progress,
            )
        self.stdout.write(f"{options['file'].name} {report}")
        if unshown := known_answers.unshown(project):
            said = "1 gold task is" if unshown == 1 else f"{unshown:,} gold tasks are"
            self.stdout.write(f"{said} shown to nobody while the gold rate is 0: set it in the project's settings.")
        self.stdout.write(f"Next: {next_step(report, project)}")

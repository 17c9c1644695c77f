import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from annotation.actions import projects, releases
from annotation.actions.release_labels import CONSENSUS, LABELS, VOTES
from annotation.actions.release_selection import CONTENTS, DEFAULT_PURPOSES, DEFAULT_SOURCES
from annotation.actions.release_weights import EQUAL, METHODS
from annotation.formats.manifest import Manifest
from annotation.formats.row_judgements import SOURCES
from annotation.formats.rows import PURPOSES
from annotation.formats.views.writing import VIEWS, Written, write_view
from annotation.models import Release

EPILOG = "views:\n" + "\n".join(f"  {view.name:<9} {view.help}" for view in VIEWS.values())
EPILOG += "\n\nexample:\n  manage.py export_release --project qa --view trl --output pairs.jsonl.gz"


class Command(BaseCommand):
    help = (
        "Freeze a project's judgements into a release and write a view of it; the same judgements are the same one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = EPILOG
        parser.add_argument("--project", required=True, help=projects.PROJECT_HELP)
        parser.add_argument("--view", choices=VIEWS, default="rankings", help="shape to write (default: rankings)")
        parser.add_argument(
            "--output", type=Path, help="file for the view, .gz compresses (default: RELEASES_DIR/views)"
        )
        parser.add_argument("--contents", choices=CONTENTS, default="rankings", help="default: rankings")
        parser.add_argument(
            "--source",
            choices=SOURCES,
            action="append",
            help=f"may be repeated (default: {', '.join(DEFAULT_SOURCES)})",
        )
        parser.add_argument(
            "--purpose",
            choices=PURPOSES,
            action="append",
            help=f"may be repeated (default: {', '.join(DEFAULT_PURPOSES)})",
        )
        parser.add_argument("--tags", nargs="+", default=(), help="only rows that carry at least one of these")
        parser.add_argument(
            "--weights",
            choices=METHODS,
            default=EQUAL,
            help=f"what a judgement counts: by how reliable its annotator is, or the same (default: {EQUAL})",
        )
        parser.add_argument(
            "--labels",
            choices=LABELS,
            default=VOTES,
            help=f"consensus: each row also says what its votes come to together, and how surely (default: {VOTES})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = projects.named(options["project"])
        filters = {
            "contents": options["contents"],
            "sources": options["source"] or DEFAULT_SOURCES,
            "purposes": options["purpose"] or DEFAULT_PURPOSES,
            "tags": options["tags"],
        }
        with tqdm(unit=" rows", disable=not sys.stderr.isatty()) as bar:
            how = {"weights": options["weights"], "labels": options["labels"]}
            release = releases.export(project, **filters, **how, progress=bar.update)
        self.stdout.write(summary(release, excluded=releases.excluded(project, **filters)))
        if options["view"] != "rankings" or options["output"]:
            written = write(release, view=options["view"], output=options["output"])
            self.stdout.write(f"{options['view']}: {written.lines:,} lines in {written.path}")
            for why, times in written.left_out.items():
                self.stdout.write(f"  {times:,} {why}")
        self.stdout.write(f"Next: manage.py train_rm --release {release.name}")


def write(release: Release, *, view: str, output: Path | None) -> Written:
    return write_view(Path(release.path), view=VIEWS[view], output=output or releases.view_path(release, VIEWS[view]))


def summary(release: Release, *, excluded: int) -> str:
    counts = release.manifest["counts"]
    splits = ", ".join(f"{split['rows']:,} {name}" for name, split in counts["splits"].items())
    return (
        f"{release.name}: {counts['rows']:,} rows ({splits}) of {counts['prompts']:,} prompts, "
        f"{counts['judgements']:,} judgements by {len(counts['annotators']):,} annotators, "
        f"{counts['comparisons']['strict']:,} strict comparisons and {counts['comparisons']['ties']:,} ties, "
        f"{counts['demonstrations']:,} demonstrations\n"
        f"{excluded_summary(excluded)}"
        f"{weights_summary(release.manifest)}"
        f"{labels_summary(release.manifest)}"
        f"hash {release.hash}\n"
        f"in {release.path}"
    )


def excluded_summary(n: int) -> str:
    """A line of its own; nothing where nothing was left out."""
    return f"{n:,} excluded judgement{'' if n == 1 else 's'} left out\n" if n else ""


def weights_summary(manifest: Manifest) -> str:
    """A line of its own; nothing where all judgements count the same."""
    facts = manifest.get("weights", {}).get("annotators")
    if not facts:
        return ""
    weights = [annotator["weight"] for annotator in facts.values()]
    known = sum(annotator["reliability"] is not None for annotator in facts.values())
    return (
        f"weights by {manifest['weights']['method']}: {min(weights):.2f} to {max(weights):.2f}; "
        f"{known:,} of {len(facts):,} annotators shared enough comparisons for a reliability of their own\n"
    )


def labels_summary(manifest: Manifest) -> str:
    found = manifest.get("labels", {})
    if found.get("kind") != CONSENSUS:
        return ""
    return (
        f"consensus by {found['method']} on {found['rows']:,} rows, "
        f"sure of the best answer to {min(found['sureness'], 0.999):.1%} on average\n"
    )

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from django.db.models import Count

from annotation.formats.rows import Row
from annotation.models import Policy, Project, Response

PAGE_BYTES = 1024
LISTED, LONGEST_LISTED = 20, 60  # of the fields' names, which are as many and as long as a file wants
TITLES = {"strict": "strict comparisons"}
KINDS = ("prompts", "responses", "tasks", "judgements", "strict", "ties")


@dataclass(kw_only=True)
class ImportReport:
    """What came of an import: of each kind, how many were added and how many were there already."""

    rows: int = 0
    rejected: int = 0
    kept: int = 0  # rows that were read and written, known ones among them
    format: str = ""
    rejects: Path | None = None
    added: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    metadata: dict[str, None] = field(default_factory=dict)  # names of what tasks keep beside their prompt
    unkept: dict[str, None] = field(default_factory=dict)  # and of what is lost, as its row becomes no task

    def met(self, row: Row) -> None:
        names = self.metadata if row.becomes_task else self.unkept
        for name in row.metadata:
            if len(names) < LISTED:
                names.setdefault(name if len(name) <= LONGEST_LISTED else f"{name[:LONGEST_LISTED]}…")

    def __str__(self) -> str:
        lines = [f"({self.format}): {self.rows:,} rows, {self.rejected:,} rejected"]
        lines.append(f"{'':20}{'added':>12}{'already there':>16}")
        lines += [f"{TITLES.get(kind, kind):20}{self.added[kind]:>12,}{self.known[kind]:>16,}" for kind in KINDS]
        if self.metadata:
            lines.append(f"Kept as metadata of the tasks: {', '.join(self.metadata)}")
        if self.unkept:
            names = ", ".join(self.unkept)
            lines.append(f"Not kept, for rows that come without judgements have no metadata: {names}")
        if self.rejects:
            lines.append(f"Rejected rows, each with its line and reason: {self.rejects}")
        return "\n".join(lines)


def next_step(report: ImportReport, project: Project) -> str:
    """The command to type after this import."""
    responses = Response.objects.filter(prompt__project=project)
    prompts = project.prompts.annotate(size=Count("responses"))
    if report.added["judgements"] or report.known["judgements"]:
        return f"manage.py export_release --project {project.slug}"
    if responses.filter(policy__kind=Policy.Kind.PEOPLE).exists():
        return f"manage.py export_release --project {project.slug} --contents demonstrations"
    if prompts.filter(size__gte=2).exists():
        return f"manage.py create_tasks --project {project.slug} --responses 2 --overlap {project.overlap}"
    return f"manage.py sample --project {project.slug} --policy NAME -n {project.responses_per_task}"


class Seen:
    """Which primary keys were met: one bit each, in pages, so that counting hardly grows with the file."""

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}

    def add(self, key: int) -> bool:
        """True when it is met for the first time."""
        page, rest = divmod(key, 8 * PAGE_BYTES)
        place, bit = divmod(rest, 8)
        bits = self.pages.setdefault(page, bytearray(PAGE_BYTES))
        new = not bits[place] >> bit & 1
        bits[place] |= 1 << bit
        return new

"""Brings a file that somebody uploaded into a project, and puts what it holds before people."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.actions import audit, guidelines, import_files, imports, projects, tasks
from annotation.actions.import_report import ImportReport
from annotation.actions.tasks import TasksCreated
from annotation.exceptions import TooLong, UnreadableFile
from annotation.formats.limits import Limits
from annotation.formats.record import Record
from annotation.formats.records import open_records
from annotation.formats.rows import MAX_RESPONSES
from annotation.models import AuditEvent, Project, Prompt, Task

MAX_MEGABYTES = 20
MAX_UNPACKED_MEGABYTES = 100
# Measured: 10,000 pairs take some 10 to 20 seconds, during which SQLite lets nobody else write; others wait up to 30.
MAX_ROWS = 10_000
# Rejected rows count as well. Lines: those of one row spread over many, and blank ones.
LIMITS = Limits(size=MAX_UNPACKED_MEGABYTES * 1024 * 1024, lines=200 * MAX_ROWS, records=MAX_ROWS)
LISTED_REJECTS = 100
UPLOADED = "file uploaded"


@dataclass(kw_only=True)
class Upload:
    """A file as it arrives: its name and its content, piece by piece."""

    name: str
    chunks: Iterable[bytes]
    format: str = "auto"


@dataclass(kw_only=True)
class Taken:
    """What came of it. `queued` is None where nothing was put into the queue."""

    report: ImportReport
    rejects: list[dict[str, Any]] = field(default_factory=list)
    queued: TasksCreated | None = None


def found(upload: Upload, *, name: str, slug: str, guideline: str = "", by: User) -> Project:
    """A project of this file: its rows, its queue, its settings by what the rows hold. All of it or nothing.

    Raises:
        UnreadableFile: the file is not what it should be; there is no project then.
        ChangedMeanwhile: somebody took the short name a moment ago.
    """
    with imports.patient(), transaction.atomic():
        project = projects.create(name=name, slug=slug, by=by)
        if guideline:
            guidelines.publish(project, text=guideline, after=0, by=by)
        take(upload, project=project, by=by, queue=False)
        project.refresh_from_db()
        wanted = settings_for(usual_size(project))
        projects.change(project, seen=projects.settings_mark(project), by=by, **wanted)
        project.refresh_from_db()
        if not project.tasks.filter(judgements__isnull=False).exists():
            queue_all(project, by=by)
    return project


def take(upload: Upload, *, project: Project, by: User, queue: bool) -> Taken:
    """Import the file and keep in the audit trail what came of it, the first rejected rows among it.

    Raises:
        UnreadableFile: nothing in it could be read, or it is longer than a request may take; nothing was kept.
    """
    with transaction.atomic(), on_disk(upload) as path:
        try:
            taken = read(path, upload=upload, project=project, by=by)
        except TooLong:
            raise too_long(upload.name) from None
        if queue:
            taken.queued = queue_all(project, by=by)
        audit.record(UPLOADED, f"project {project.slug}", by=by, file=upload.name, **detail(taken))
    return taken


@contextmanager
def on_disk(upload: Upload) -> Iterator[Path]:
    """The file, in a folder of its own. What somebody called it is no name for a disk."""
    with tempfile.TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            for chunk in upload.chunks:
                file.write(chunk)
        yield path


def read(path: Path, *, upload: Upload, project: Project, by: User) -> Taken:
    """
    Raises:
        UnreadableFile: the file is not what it should be, or every row of it was rejected.
        TooLong: it holds more than LIMITS.
    """
    rejects: list[dict[str, Any]] = []

    def on_reject(record: Record, reason: str) -> None:
        if len(rejects) < LISTED_REJECTS:
            rejects.append({"line": record.number, "reason": reason})

    with open_records(path, name=upload.name, limits=LIMITS) as file:
        report = import_files.import_records(file, project=project, by=by, fmt=upload.format, on_reject=on_reject)
    if report.rows and report.rejected == report.rows:
        raise hopeless(upload.name, rejects[0])
    return Taken(report=report, rejects=rejects)


def too_long(name: str) -> UnreadableFile:
    return UnreadableFile(
        _(
            "%(name)s holds more than %(rows)s rows, or more than %(most)d MB when it is unpacked, which is too much "
            "for a page. Nothing was kept: bring it in on the server with manage.py import_data."
        )
        % {"name": name, "rows": f"{MAX_ROWS:,}", "most": MAX_UNPACKED_MEGABYTES}
    )


def hopeless(name: str, first: dict[str, Any]) -> UnreadableFile:
    """When every row was rejected."""
    return UnreadableFile(
        _("No row of %(name)s could be read. The first one, line %(line)d: %(reason)s.")
        % {"name": name, "line": first["line"], "reason": first["reason"].rstrip(".")}
    )


def detail(taken: Taken) -> dict[str, Any]:
    report = taken.report
    return {
        "format": report.format,
        "rows": report.rows,
        "rejected": report.rejected,
        "added": dict(report.added),
        "metadata": list(report.metadata),
        "unkept": list(report.unkept),
        "rejects": taken.rejects,
        "queued": vars(taken.queued) if taken.queued else None,
    }


def uploads_of(project: Project) -> "list[AuditEvent]":
    """The latest uploads, newest first."""
    return list(AuditEvent.objects.filter(subject=f"project {project.slug}", verb=UPLOADED).select_related("by")[:20])


def usual_size(project: Project) -> int:
    """How many different answers most prompts have (of two that are as frequent, the larger); those of tasks whose
    answer is known do not count."""
    known = Task.objects.filter(project=project, purpose__in=tasks.ON_DEMAND)
    prompts = Prompt.objects.filter(project=project).exclude(pk__in=known.values("prompt"))
    counted = prompts.annotate(texts=Count("responses__text_hash", distinct=True))
    sizes = Counter(counted.values_list("texts", flat=True))
    return min(MAX_RESPONSES, max(sizes, key=lambda size: (sizes[size], size), default=0))


def settings_for(size: int) -> dict[str, Any]:
    """What makes sense to ask of so many answers: write one, rate and edit it, say how much better, rank."""
    if size == 1:
        quality = {"name": _("quality"), "scale": 5, "description": _("How good is this answer as a whole?")}
        return {"responses_per_task": 1, "edit_asked": True, "criteria": [quality]}
    return {"responses_per_task": size, "strength_asked": size == 2}


def queue_all(project: Project, *, by: User) -> TasksCreated:
    """A task for each prompt that has as many answers as the project asks for."""
    return tasks.create_for_prompts(project, responses=project.responses_per_task, overlap=project.overlap, by=by)


def in_words(event: AuditEvent) -> str:
    """One sentence of what came of an upload."""
    rows, rejected = event.detail["rows"], event.detail["rejected"]
    read = ngettext("%(rows)s row was read", "%(rows)s rows were read", rows) % {"rows": intcomma(rows)}
    kept = ngettext("%(n)s was rejected", "%(n)s were rejected", rejected) % {"n": intcomma(rejected)}
    queued = event.detail["queued"]
    if queued is None:
        return _("%(read)s, %(kept)s.") % {"read": read, "kept": kept}
    n = queued["made"]
    made = ngettext("%(n)s task was queued", "%(n)s tasks were queued", n) % {"n": intcomma(n)}
    return _("%(read)s, %(kept)s; %(made)s.") % {"read": read, "kept": kept, "made": made}

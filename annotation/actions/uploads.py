"""Brings a file that somebody uploaded into a project, and puts what it holds before people."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.actions import audit, guidelines, import_files, imports, projects, tasks
from annotation.actions.import_report import ImportReport
from annotation.actions.tasks import TasksCreated
from annotation.exceptions import UnreadableFile
from annotation.formats.rows import MAX_RESPONSES
from annotation.models import AuditEvent, Project, Prompt, Task

MAX_MEGABYTES = 20
# Measured: 10,000 pairs take some 10 to 20 seconds, during which SQLite lets nobody else write; others wait up to 30.
MAX_BATCHES = 20
MAX_ROWS = MAX_BATCHES * imports.BATCH_ROWS
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
        rejects = path.parent / "rejected" / "rows.jsonl"
        try:
            report = import_files.import_file(
                path, project=project, by=by, fmt=upload.format, rejects=rejects, progress=Patience(upload.name)
            )
        except UnreadableFile as error:
            raise hopeless(upload.name, listed(rejects)) or error from None
        taken = Taken(report=report, rejects=listed(rejects))
        if queue:
            taken.queued = queue_all(project, by=by)
        audit.record(UPLOADED, f"project {project.slug}", by=by, file=upload.name, **detail(taken))
    return taken


@contextmanager
def on_disk(upload: Upload) -> Iterator[Path]:
    """The file under its own name, which tells what it holds, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / Path(upload.name).name
        (path.parent / "rejected").mkdir()
        with path.open("wb") as file:
            for chunk in upload.chunks:
                file.write(chunk)
        yield path


class Patience:
    """Told of every batch; a request that would take minutes ends here, however small the packed file was."""

    def __init__(self, name: str) -> None:
        self.name, self.batches = name, 0

    def __call__(self, position: int, size: int) -> None:
        self.batches += 1
        if self.batches > MAX_BATCHES:
            raise UnreadableFile(
                _(
                    "%(name)s holds more than %(rows)s rows, which is too much for a page. Nothing was kept: "
                    "bring it in on the server with manage.py import_data."
                )
                % {"name": self.name, "rows": f"{MAX_ROWS:,}"}
            )


def listed(rejects: Path) -> list[dict[str, Any]]:
    """Line and reason of the first rejected rows."""
    if not rejects.exists():
        return []
    with rejects.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, LISTED_REJECTS)]
    return [{"line": row["line"], "reason": row["reason"]} for row in rows]


def hopeless(name: str, rejects: list[dict[str, Any]]) -> UnreadableFile | None:
    """When every row was rejected; what the import itself says names a file that nobody can open here."""
    if not rejects:
        return None
    return UnreadableFile(
        _("No row of %(name)s could be read. The first one, line %(line)d: %(reason)s.")
        % {"name": name, "line": rejects[0]["line"], "reason": rejects[0]["reason"].rstrip(".")}
    )


def detail(taken: Taken) -> dict[str, Any]:
    report = taken.report
    return {
        "format": report.format,
        "rows": report.rows,
        "rejected": report.rejected,
        "added": dict(report.added),
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
    read = ngettext("%(rows)d row was read", "%(rows)d rows were read", rows) % {"rows": rows}
    kept = ngettext("%(n)d was rejected", "%(n)d were rejected", rejected) % {"n": rejected}
    queued = event.detail["queued"]
    if queued is None:
        return _("%(read)s, %(kept)s.") % {"read": read, "kept": kept}
    made = ngettext("%(n)d task was queued", "%(n)d tasks were queued", queued["made"]) % {"n": queued["made"]}
    return _("%(read)s, %(kept)s; %(made)s.") % {"read": read, "kept": kept, "made": made}

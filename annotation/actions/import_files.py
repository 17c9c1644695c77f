"""Brings a file into a project."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from annotation.actions import audit, imports, projects
from annotation.actions.import_plans import Naming
from annotation.actions.import_report import ImportReport
from annotation.exceptions import NotFound, UnreadableFile
from annotation.formats.detection import readings
from annotation.formats.records import RecordFile, open_records
from annotation.formats.rejects import RejectsFile
from annotation.models import Project

LONGEST_SLUG = 50

OnProgress = Callable[[int, int], None]


def import_file(
    path: Path,
    *,
    project: Project,
    by: User | None,
    fmt: str = "auto",
    mapping: Path | None = None,
    naming: Naming | None = None,
    strict: bool = False,
    in_batches: bool = False,
    rejects: Path | None = None,
    progress: OnProgress | None = None,
) -> ImportReport:
    """Import one file, in one transaction unless `in_batches`. Rejected rows go to the rejects file.

    Raises:
        UnreadableFile: the file or the mapping is not what it should be; nothing was kept but whole batches.
        UnwritableFile: the rejects file cannot be what it was asked to be; nothing was read.
        InvalidRow: with `strict`, at the first bad row; nothing of the file was kept.
    """
    with open_records(path) as file, RejectsFile(path, place=rejects) as rejected:
        report = import_records(
            file,
            project=project,
            by=by,
            fmt=fmt,
            mapping=mapping,
            naming=naming,
            strict=strict,
            in_batches=in_batches,
            on_reject=rejected.write,
            on_batch=(lambda: progress(file.position, file.size)) if progress else None,
        )
        report.rejects = rejected.keep()
    if report.rows and report.rejected == report.rows:
        raise UnreadableFile(
            f"None of the {report.rows:,} rows of {path.name} could be imported as {report.format}. Each stands with "
            f"its line and reason in {report.rejects}; mend them, or name another --format."
        )
    return report


def import_records(
    file: RecordFile, *, project: Project, by: User | None, fmt: str, mapping: Path | None = None, **how: Any
) -> ImportReport:
    """Import what an open file holds; `how` is what `imports.import_rows` asks for."""
    name, found = readings(file.records(), path=Path(file.name), name=fmt, mapping=mapping)
    report = imports.import_rows(found, project=project, by=by, source=file.name, **how)
    report.format = name
    return report


@contextmanager
def project_for_import(slug: str, *, create: bool, by: User | None, in_batches: bool = False) -> Iterator[Project]:
    """The project of this name. One that `create` makes is made in the transaction of its import and goes with it
    when that fails; `in_batches` it stays, with what was kept.

    Raises:
        NotFound: there is no such project, and `create` was not asked for or the name cannot be one.
    """
    if project := Project.objects.filter(slug=slug).first():
        yield project
    elif not create:
        raise projects.unknown(slug, hint="Add --create to make it.")
    elif in_batches:
        yield new_project(slug, by=by)
    else:
        with imports.patient(), transaction.atomic():
            yield new_project(slug, by=by)


def new_project(slug: str, *, by: User | None) -> Project:
    try:
        validate_slug(slug)
    except ValidationError:
        raise NotFound(f"{slug!r} cannot name a project: use letters, digits, - and _ only.") from None
    if len(slug) > LONGEST_SLUG:
        raise NotFound(f"{slug!r} cannot name a project: it is longer than {LONGEST_SLUG} characters.")
    with transaction.atomic():
        project = Project.objects.create(slug=slug, name=slug.replace("-", " ").replace("_", " ").capitalize())
        audit.record("project created", f"project {slug}", by=by)
    return project

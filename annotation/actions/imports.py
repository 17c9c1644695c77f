"""Brings rows into a project. Importing the same again adds nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from annotation.actions import audit
from annotation.actions.import_plans import Naming, plan
from annotation.actions.import_report import ImportReport
from annotation.actions.import_writes import BatchWriter
from annotation.exceptions import AnnotationError, InvalidRow
from annotation.formats import rows as interchange
from annotation.formats.detection import Reading
from annotation.formats.record import Record
from annotation.formats.rows import Row
from annotation.models import Project

BATCH_ROWS = 500
BATCH_CHARACTERS = 4_000_000
PATIENCE_MS = 3_600_000  # how long an import waits for another one on SQLite

OnReject = Callable[[Record, str], None]
Scope = Callable[[Project], AbstractContextManager[object]]


def import_rows(
    rows: Iterable[Row | Reading],
    *,
    project: Project,
    by: User | None,
    naming: Naming | None = None,
    strict: bool = False,
    in_batches: bool = False,
    on_reject: OnReject | None = None,
    on_batch: Callable[[], None] | None = None,
    source: str = "rows",
) -> ImportReport:
    """Import rows in one transaction, or in one for each batch. Imports into one project wait for one another.

    Raises:
        InvalidRow: with `strict`, at the first bad row; nothing was kept.
        AnnotationError: the rows could not be read to their end; in batches, it says how many were kept.
    """
    report = ImportReport()
    arrivals = Arrivals(rows, naming=naming or Naming(), report=report, strict=strict, on_reject=on_reject)
    in_batches = in_batches and not strict
    each: Scope = locked if in_batches else nullcontext
    whole: Scope = nullcontext if in_batches else locked
    counted = told_of_batches(report, project=project) if in_batches else nullcontext()
    with patient(), counted, translated(), whole(project):
        written(arrivals, project=project, each=each, on_batch=on_batch)
        counts = {"rows": report.rows, "rejected": report.rejected, "added": dict(report.added)}
        audit.record("rows imported", f"project {project.slug}", by=by, source=source, **counts)
    return report


def written(
    arrivals: "Arrivals",
    *,
    project: Project,
    each: Scope,
    on_batch: Callable[[], None] | None,
) -> None:
    """Write batch after batch, each within `each`."""
    report = arrivals.report
    writer = BatchWriter(project, report=report)
    for batch in arrivals.batches():
        with each(project):
            writer.write(plan(batch, project=project, reject=arrivals.reject_line))
        report.kept = report.rows - report.rejected
        if on_batch:
            on_batch()


class Arrivals:
    """The rows as they come: settled, numbered, in batches of bounded size; bad ones are counted and told of."""

    def __init__(
        self,
        rows: Iterable[Row | Reading],
        *,
        naming: Naming,
        report: ImportReport,
        strict: bool,
        on_reject: OnReject | None,
    ) -> None:
        self.rows, self.naming, self.report = rows, naming, report
        self.strict, self.on_reject = strict, on_reject
        self.batch: list[tuple[Record, Row]] = []

    def batches(self) -> Iterator[list[Row]]:
        characters = 0
        for number, item in enumerate(self.rows, 1):
            self.report.rows += 1
            characters += self.take(item if isinstance(item, Reading) else as_reading(item, number))
            if len(self.batch) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
                yield [row for _, row in self.batch]
                self.batch, characters = [], 0
        yield [row for _, row in self.batch]

    def take(self, reading: Reading) -> int:
        """Add it to the batch; how many characters it holds, roughly."""
        if reading.row is None:
            self.reject(reading.record, reading.reason)
            return 0
        try:
            row = self.naming.settle(reading.row)
        except InvalidRow as error:
            self.reject(reading.record, str(error))
            return 0
        self.batch.append((reading.record, row))
        self.report.met(row)
        return sum(len(message["content"]) for message in row.prompt) + sum(len(item.text) for item in row.responses)

    def reject_line(self, index: int, reason: str) -> None:
        """The row at `index` of the current batch turned out to contradict what is known."""
        self.reject(self.batch[index][0], reason)

    def reject(self, record: Record, reason: str) -> None:
        if self.strict:
            raise InvalidRow(f"Line {record.number}: {reason}. Nothing of the file was kept.")
        self.report.rejected += 1
        if self.on_reject:
            value: Any = interchange.dump(record.value) if isinstance(record.value, Row) else record.value
            self.on_reject(Record(number=record.number, value=value), reason)


def as_reading(row: Row, number: int) -> Reading:
    return Reading(record=Record(number=number, value=row), row=row)


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """A transaction that other imports into the project wait for; people who judge in it do not."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        yield


@contextmanager
def told_of_batches(report: ImportReport, *, project: Project) -> Iterator[None]:
    """When an import in batches breaks off, the sentence says what is there now."""
    try:
        yield
    except AnnotationError as error:
        kept = f"{report.kept:,} rows before that are in project {project.slug}" if report.kept else "No row was kept"
        raise type(error)(f"{error} {kept}; import the file again when it is mended.") from error


@contextmanager
def patient() -> Iterator[None]:
    """SQLite has one writer at a time: wait for another import instead of giving up after seconds."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (before,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {int(before)}")


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise AnnotationError(
            "Someone changed the same tasks at the same moment; import the file again, what is there already stays."
        ) from None

"""Keeps the figures of all projects up to date: looks now and then, and measures what has changed.

There is no queue to lose. What is to be done is told by the rows themselves: figures whose state is not today's are
old, so whoever is killed, and whatever is missed, is made up for at the next look.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import OperationalError, close_old_connections, transaction
from django.utils import timezone

from annotation.actions import adaptive, alert_words, alerts, deliveries
from annotation.actions.quality.measuring import Tell, measure
from annotation.actions.quality.state import states
from annotation.exceptions import AnnotationError
from annotation.models import Measurement, Project

EVERY = 60.0  # seconds
AGAIN = timedelta(hours=1)  # after figures that could not be made, unless somebody asks for them
# Of arrays and of what was stored: our own mistakes, which are not to stop other projects.
MISTAKES = (ArithmeticError, LookupError, TypeError, ValueError)
REST = 10  # times what measuring took: at most a tenth of a processor goes into a project that never rests

logger = logging.getLogger(__name__)

Wait = Callable[[float], object]


def idle(seconds: float) -> None:
    """Without a connection that a restart of the database has cut, or that another process could use."""
    close_old_connections()
    time.sleep(seconds)
    close_old_connections()


def keep(
    *, every: float = EVERY, once: bool = False, project: Project | None = None, tell: Tell, wait: Wait = idle
) -> None:
    """Measure what is old, again and again until interrupted; `once`: one round. A database that does not answer now
    may do so at the next look.

    Raises:
        OperationalError: `once`, and the database does not answer.
    """
    if once:
        looked(project, tell=tell, patient=False)
        tell("all figures are up to date")
        return
    while True:
        try:
            looked(project, tell=tell, patient=True)
        except OperationalError as error:
            tell(f"the database does not answer: {error}")
        wait(every)


def looked(project: Project | None, *, tell: Tell, patient: bool) -> None:
    """What goes wrong with one project is told and leaves the others alone."""
    for chosen in Project.objects.filter(pk=project.pk) if project else Project.objects.all():
        with going_on(chosen.slug, tell=tell, patient=patient):
            rounded(chosen, tell=tell, patient=patient)
    with going_on("alerts", tell=tell, patient=patient):
        if told := deliveries.deliver():
            tell(f"told of {counted(told, 'alert')}")


@contextmanager
def going_on(name: str, *, tell: Tell, patient: bool) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if not patient:
            raise
        tell(f"{name}: the database does not answer: {error}")
    except MISTAKES as error:
        logger.exception("%s: what follows measuring cannot be done", name)
        tell(f"{name}: {told_of(error)}")


def rounded(project: Project, *, tell: Tell, patient: bool) -> None:
    for voices in list(old(project, patient=patient)):
        made(project, voices=voices, tell=named(tell, f"{project.slug} ({voices})"))
    if asked := adaptive.widen(project):
        tell(f"{project.slug}: one more person is asked about {counted(asked, 'task')}")
    for alert in alerts.look(project):
        tell(f"{project.slug}: {alert_words.subject_of(alert)}")


def made(project: Project, *, voices: str, tell: Tell) -> None:
    began = timezone.now()
    try:
        measurement = measure(project, voices=voices, tell=tell)
    except AnnotationError as error:
        tell(str(error))
    except MISTAKES as error:
        logger.exception("The figures of %s (%s) cannot be made", project.slug, voices)
        remember(project, voices=voices, failed=told_of(error), began=began)
        tell(f"cannot be measured: {error}")
    else:
        tell(f"{counted(measurement.judgements, 'judgement')} measured in {measurement.seconds:.1f} s")


def told_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@transaction.atomic
def remember(project: Project, *, voices: str, failed: str, began: datetime) -> None:
    """Beside the older figures, if there are any; the next ones replace it."""
    Measurement.objects.get_or_create(project=project, voices=voices)
    row = Measurement.objects.select_for_update(no_key=True).get(project=project, voices=voices)
    row.content |= {"failed": failed, "failed_at": timezone.now().isoformat()}
    if row.asked_at and row.asked_at <= began:
        row.asked_at = None
    row.save(update_fields=["content", "asked_at"])


def named(tell: Tell, name: str) -> Tell:
    return lambda step: tell(f"{name}: {step}")


def old(project: Project, *, patient: bool = True) -> Iterator[str]:
    """The voices whose figures are to be made anew. `patient`: not yet those that were made a moment ago."""
    known = {measurement.voices: measurement for measurement in project.measurements.all()}
    for voices, state in states(project).items():
        measurement = known.get(voices)
        if measurement is None or measurement.asked_at is not None:
            yield voices
            continue
        if has_just_failed(measurement, now=timezone.now()):
            continue
        if measurement.measured_at is None:
            yield voices
            continue
        rested = not patient or has_rested(measurement, now=timezone.now())
        if rested and measurement.state != state.text:
            yield voices


def has_just_failed(measurement: Measurement, *, now: datetime) -> bool:
    at = measurement.content.get("failed_at")
    return at is not None and now < datetime.fromisoformat(at) + AGAIN


def has_rested(measurement: Measurement, *, now: datetime) -> bool:
    rest = timedelta(seconds=REST * measurement.seconds)
    return measurement.measured_at is None or measurement.measured_at + rest <= now

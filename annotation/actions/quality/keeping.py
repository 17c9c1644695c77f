"""Keeps the figures of all projects up to date: looks now and then, and measures what has changed.

There is no queue to lose. What is to be done is told by the rows themselves: figures whose state is not today's are
old, so whoever is killed, and whatever is missed, is made up for at the next look.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import OperationalError, close_old_connections
from django.utils import timezone

from annotation.actions import adaptive, alert_words, alerts, deliveries
from annotation.actions.quality.measuring import Tell, measure
from annotation.actions.quality.state import states
from annotation.exceptions import AnnotationError
from annotation.models import Measurement, Project

EVERY = 60.0  # seconds
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
    for chosen in Project.objects.filter(pk=project.pk) if project else Project.objects.all():
        rounded(chosen, tell=tell, patient=patient)
    if told := deliveries.deliver():
        tell(f"told of {told} alerts")


def rounded(project: Project, *, tell: Tell, patient: bool) -> None:
    """What goes wrong with one project is told and leaves the others alone."""
    for voices in list(old(project, patient=patient)):
        name = f"{project.slug} ({voices})"
        try:
            measurement = measure(project, voices=voices, tell=named(tell, name))
        except AnnotationError as error:
            tell(f"{name}: {error}")
        except (
            ArithmeticError,
            ValueError,
        ) as error:  # of arrays: a mistake of ours, which is not to stop the others
            logger.exception("The figures of %s cannot be made", name)
            tell(f"{name}: cannot be measured: {error}")
        else:
            tell(f"{name}: {measurement.judgements:,} judgements measured in {measurement.seconds:.1f} s")
    if asked := adaptive.widen(project):
        tell(f"{project.slug}: one more person is asked about {asked:,} tasks")
    for alert in alerts.look(project):
        tell(f"{project.slug}: {alert_words.subject_of(alert)}")


def named(tell: Tell, name: str) -> Tell:
    return lambda step: tell(f"{name}: {step}")


def old(project: Project, *, patient: bool = True) -> Iterator[str]:
    """The voices whose figures are to be made anew. `patient`: not yet those that were made a moment ago."""
    known = {measurement.voices: measurement for measurement in project.measurements.all()}
    for voices, state in states(project).items():
        measurement = known.get(voices)
        if measurement is None or measurement.measured_at is None or measurement.asked_at is not None:
            yield voices
            continue
        rested = not patient or has_rested(measurement, now=timezone.now())
        if rested and measurement.state != state.text:
            yield voices


def has_rested(measurement: Measurement, *, now: datetime) -> bool:
    rest = timedelta(seconds=REST * measurement.seconds)
    return measurement.measured_at is None or measurement.measured_at + rest <= now

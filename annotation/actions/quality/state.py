"""What the figures of a project were made from, in a few words: where these differ, the figures are old.

No judgement is looked into. One that comes, a revision included, is a new row; one that goes is one less.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Sum
from django.utils import timezone

from annotation.formats.hashing import content_hash
from annotation.models import Exclusion, Judgement, Measurement, Project, Task

VERSION = 6  # of the figures: raise it where the same judgements give others


@dataclass(frozen=True, kw_only=True)
class State:
    text: str
    judgements: int


def states(project: Project) -> dict[str, State]:
    """By voices: people always, others where they said something or were measured before."""
    shared = [VERSION, *of_tasks(project), *of_exclusions(project)]
    forecast = of_forecast(project)
    said = of_judgements(project)
    measured = set(project.measurements.values_list("voices", flat=True))
    return {
        voices: state(
            [rows for source in sources if (rows := said.get(source))],
            shared=[*shared, *forecast] if voices == Measurement.Voices.PEOPLE else shared,
        )
        for voices, sources in Measurement.SOURCES.items()
        if voices == Measurement.Voices.PEOPLE or voices in measured or any(source in said for source in sources)
    }


def state(rows: list[tuple[int, int]], *, shared: list[Any]) -> State:
    return State(text=content_hash([rows, shared]), judgements=sum(number for number, _ in rows))


def of_judgements(project: Project) -> dict[str, tuple[int, int]]:
    """By source: how many, and the newest."""
    by_source = Judgement.objects.filter(task__project=project).order_by().values_list("source")
    return {source: (n, last) for source, n, last in by_source.annotate(n=Count("pk"), last=Max("pk"))}


def of_tasks(project: Project) -> list[Any]:
    """How many there are of each kind, the places left, and the known answers."""
    tasks = Task.objects.filter(project=project).order_by()
    counts = sorted(map(list, tasks.values_list("state", "purpose").annotate(Count("pk"))))
    left = places_left(project)
    known = tasks.filter(purpose__in=Task.KNOWN, known__isnull=False).order_by("pk").values_list("pk", "known")
    return [counts, left, content_hash([list(row) for row in known])]


def places_left(project: Project) -> int:
    queued = Task.objects.filter(project=project, state=Task.State.OPEN)
    return queued.aggregate(n=Sum(F("overlap") - F("filled")))["n"] or 0


def of_forecast(project: Project) -> list[str]:
    """While something is left to judge, a forecast is of its day."""
    is_on = project.state == Project.State.ACTIVE and places_left(project) > 0
    return [project.state, timezone.now().date().isoformat() if is_on else ""]


def of_exclusions(project: Project) -> list[int]:
    exclusions = Exclusion.objects.filter(judgement__task__project=project)
    return [exclusions.count(), exclusions.current().count()]

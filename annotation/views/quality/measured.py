"""Which figures a page shows: the newest ones of a project about one kind of voices."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from annotation.actions import reviews
from annotation.actions.members import REVIEWERS, project_for
from annotation.models import Measurement, Project, Seat, Task
from annotation.views.quality.asked import Asked
from annotation.views.quality.plots import Plot
from annotation.views.requests import MemberRequest

PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`there` are the voices that anything is known of. `measurement` is None where nobody ever asked for one.
    `asked` is what the address says."""

    project: Project
    voices: str
    there: list[str]
    measurement: Measurement | None
    asked: Asked

    @property
    def is_done(self) -> bool:
        return self.measurement is not None and self.measurement.measured_at is not None

    @property
    def failed(self) -> str:
        """Why the last attempt brought no figures: those that are shown are older."""
        return str(self.measurement.content.get("failed") or "") if self.measurement else ""

    @property
    def waits(self) -> bool:
        """Somebody asked for newer figures than these; whoever measures takes the mark away."""
        return self.measurement is not None and self.measurement.asked_at is not None

    @cached_property
    def figures(self) -> dict[str, Any]:
        return dict(self.measurement.content) if self.measurement and self.is_done else {}

    def part(self, name: str) -> Any:
        """A part of the figures; {} where an older measurement does not have it."""
        return self.figures.get(name) or {}


def measured_of(request: MemberRequest, slug: str) -> Measured:
    """Two queries after the access check, however large the project.

    Raises:
        NotFound, Forbidden: see `project_for`.
    """
    project = project_for(request.user, slug, roles=REVIEWERS)
    found = Measurement.objects.filter(project=project)
    known = dict(found.order_by().values_list("voices", "judgements"))
    there = [voices for voices in Measurement.SOURCES if known.get(voices)]
    asked = Asked(request.GET)
    voices = asked.choice("voices", Measurement.Voices.values, instead=there[0] if there else "people")
    measurement = found.filter(voices=voices).first() if known else None
    return Measured(project=project, voices=voices, there=there, measurement=measurement, asked=asked)


def may_judge(user: User, *, project: Project) -> bool:
    """Whether anything may have to be withheld from this person, who sits at the desk as well."""
    return (
        project.state != Project.State.ENDED and Seat.objects.filter(project=project, annotator__user=user).exists()
    )


def withheld_from(user: User, *, project: Project, tasks: Collection[int]) -> set[int]:
    """Which of these tasks this person may still be asked to judge. Each is looked up by itself: asked for all of
    them at once, SQLite would go through all tasks of the project."""
    asked = reviews.asked_of(user, project=project).filter(pk=OuterRef("pk"))
    return set(Task.objects.filter(Exists(asked), pk__in=tasks).values_list("pk", flat=True))


def shown(
    request: MemberRequest, seen: Measured, name: str, *, plots: dict[str, Plot] | None = None, **context: Any
) -> HttpResponse:
    drawn = {key: plot for key, plot in (plots or {}).items() if plot.rows}
    common = {
        "project": seen.project,
        "seen": seen,
        "wrong": seen.asked.sentences(),
        "voices": seen.voices,
        "figures": seen.figures,
        "drawn": {key: plot.as_dict() for key, plot in drawn.items()},
        "plots": drawn,
    }
    response = render(request, f"annotation/quality/{name}.html", {**common, **context})
    add_never_cache_headers(response)
    return response

"""What else than the answers decides, what does not fit together, and how pace changes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.reading import Rated
from annotation.stats.agreement.peers import Scores, with_peers
from annotation.stats.figures import Figure
from annotation.stats.people import biases, drift
from annotation.stats.people.rubric import rubric
from annotation.stats.people.transitivity import Triads, triads
from annotation.stats.said import Floats, Said, Whole

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """Scores of each judgement, (N,) each, of which the figures of the project and of each person are made."""

    facts: Facts

    @cached_property
    def peers(self) -> Scores:
        return with_peers(self.facts.said)

    @cached_property
    def position(self) -> Scores:
        return biases.position(self.facts.said)

    @cached_property
    def length(self) -> Scores:
        return biases.length(self.facts.said, lengths=self.facts.answers.lengths)

    @cached_property
    def peers_of_all(self) -> Figure:
        return self.peers.figure()

    @cached_property
    def length_of_all(self) -> Figure:
        return self.length.figure()

    @cached_property
    def triads(self) -> Triads:
        answers = self.facts.answers
        return triads(self.facts.by_named, prompts=answers.prompts, responses=answers.keys)

    @cached_property
    def rubric(self) -> dict[str, Scores]:
        """By criterion."""
        said = self.facts.said
        return {name: rubric(said, table(rated, said)) for name, rated in self.facts.ratings.items()}

    @property
    def whole_rubric(self) -> Scores:
        """Over all criteria."""
        found = list(self.rubric.values())
        said, nothing = self.facts.said, np.zeros(len(self.facts.said))
        right, n = sum((s.right for s in found), nothing), sum((s.n for s in found), nothing)
        return Scores(tasks=said.tasks, right=right, n=n)


def of_project(habits: Habits) -> Json:
    said = habits.facts.said
    return {
        "transitivity": turned(habits.triads.figure()).as_dict(),
        "rubric": {name: scores.figure().as_dict() for name, scores in habits.rubric.items()},
        "bias": {
            "position": habits.position.figure().as_dict(),
            "by_place": [
                {"place": place, **figure.as_dict()}
                for place, figure in enumerate(biases.by_place(said), start=1)
                if figure.value is not None
            ],
            "length": habits.length.figure().as_dict(),
        },
        "drift": {
            "pace_by_hour": by_hour(said),
            "pace_by_week": by_week(said.at, said.seconds, people=said.annotators),
        },
    }


def table(rated: Rated, said: Said) -> Floats:
    """(N, K): NaN where nothing was rated."""
    found = np.full(said.ranks.shape, np.nan)
    inside = rated.positions < said.ranks.shape[1]
    found[rated.judgements[inside], rated.positions[inside]] = rated.values[inside]
    return found


def turned(figure: Figure) -> Figure:
    """The share of what a figure leaves over: of triads those that go round."""
    if figure.value is None or figure.low is None or figure.high is None:
        return figure
    return Figure(**figure.as_dict() | {"value": 1 - figure.value, "low": 1 - figure.high, "high": 1 - figure.low})


def by_hour(said: Said) -> list[Json]:
    """In universal time; hours of too few judgements are left out."""
    return [
        {"hour": found.hour, **pace(found.pace)}
        for found in drift.pace_by_hour(said.at, said.seconds, people=said.annotators)
        if found.pace.value is not None
    ]


def by_week(at: Floats, seconds: Floats, *, people: Whole | None = None) -> list[Json]:
    """Weeks of too few judgements are left out."""
    return [
        {"week": found.monday, **pace(found.pace)}
        for found in drift.pace_by_week(at, seconds, people=people)
        if found.pace.value is not None
    ]


def pace(found: Figure) -> Json:
    """A median as it is kept; None without a time. `missing`: why it has no interval, where people are too few."""
    return {"median": found.value, "low": found.low, "high": found.high, "n": found.n, "missing": found.missing}

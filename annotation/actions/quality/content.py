"""The figures of a project as they are kept: a dictionary that is JSON, a `Figure` being what its fields are.

What each means stands in docs/quality.md. A part that cannot be said holds its figure without a value and with the
reason, never nothing.
"""

from dataclasses import asdict
from typing import Any

from annotation.actions.quality import agreement, checks, parts, progress, tasks
from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.habits import Habits, of_project
from annotation.actions.quality.labels import METHOD, Labels
from annotation.actions.quality.policies import policies_of
from annotation.stats.agreement.matrix import Matrix, matrix
from annotation.stats.figures import Figure
from annotation.stats.labels.verdict import of_ratings, verdict

VERSION = 2
Json = dict[str, Any]


def agreement_of(facts: Facts, *, labels: Labels, habits: Habits) -> Json:
    """Everything that says how far people agree."""
    by_two = matrix(facts.by_named)
    return {
        "agreement": {
            **{name: figure.as_dict() for name, figure in agreement.overall(facts.said, facts.counts).items()},
            "cohen": agreement.cohens(labels.votes, counts=labels.theirs, matrix=by_two),
            "over_time": agreement.over_time(facts.said, habits.peers),
        },
        "ratings": agreement.of_ratings(facts),
        "ranks_alpha": agreement.of_ranks(facts.said).as_dict(),
        "matrix": as_table(by_two, names=facts.said.names),
    }


def content_of(facts: Facts, *, labels: Labels, habits: Habits, agreement: Json) -> Json:
    so_far, known = progress.progress_of(facts), checks.share(facts.known)
    return {
        "version": VERSION,
        "progress": so_far,
        "hours": progress.hours_of(facts, left=so_far["left"]),
        **agreement,
        "known": known.as_dict(),
        "repeats": checks.share(facts.repeats).as_dict(),
        **of_project(habits),
        "reliability": {
            "method": METHOD,
            "missing": labels.missing,
            "steps": labels.reliability.steps if labels.reliability else 0,
        },
        "open_questions": tasks.open_questions(facts, labels=labels),
        "policies": policies_of(facts),
        "guidelines": parts.guidelines(facts),
        "slices": parts.slices(facts),
        "verdict": verdict_of(agreement, known=known, ranks=bool(len(facts.counts)) or not facts.ratings),
    }


def verdict_of(found: Json, *, known: Figure, ranks: bool) -> Json:
    """`ranks`: whether anything is ranked at all; else ratings decide."""
    if not ranks:
        return asdict(of_ratings({name: Figure(**levels["interval"]) for name, levels in found["ratings"].items()}))
    pairs, alpha = (Figure(**found["agreement"][name]) for name in ("pairs", "alpha"))
    return asdict(verdict(pairs=pairs, alpha=alpha, known=known))


def as_table(found: Matrix, *, names: tuple[str, ...]) -> Json:
    place = {person: index for index, person in enumerate(found.annotators)}
    return {
        "annotators": [names[person] for person in found.annotators],
        "cells": [{"a": place[cell.a], "b": place[cell.b], **cell.figure.as_dict()} for cell in found.cells],
    }

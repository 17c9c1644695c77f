"""The figures of a project as they are kept: a dictionary that is JSON, a `Figure` being what its fields are.

What each means stands in docs/quality.md. A part that cannot be said holds its figure without a value and with the
reason, never nothing.
"""

from typing import Any

from annotation.actions.quality import agreement, checks, parts, progress
from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.labels import METHOD, Labels
from annotation.stats.agreement.matrix import Matrix, matrix
from annotation.stats.agreement.peers import with_peers

VERSION = 1
Json = dict[str, Any]


def agreement_of(facts: Facts, *, labels: Labels) -> Json:
    """Everything that says how far people agree."""
    by_two = matrix(facts.by_named)
    return {
        "agreement": {
            **{name: figure.as_dict() for name, figure in agreement.overall(facts.said, facts.counts).items()},
            "cohen": agreement.cohens(labels.votes, counts=labels.theirs, matrix=by_two),
            "over_time": agreement.over_time(facts.said, with_peers(facts.said)),
        },
        "ratings": agreement.of_ratings(facts),
        "ranks_alpha": agreement.of_ranks(facts.said).as_dict(),
        "matrix": as_table(by_two, names=facts.said.names),
    }


def content_of(facts: Facts, *, labels: Labels, agreement: Json) -> Json:
    so_far = progress.progress_of(facts)
    return {
        "version": VERSION,
        "progress": so_far,
        "hours": progress.hours_of(facts, left=so_far["left"]),
        **agreement,
        "known": checks.share(facts.known).as_dict(),
        "repeats": checks.share(facts.repeats).as_dict(),
        "reliability": {
            "method": METHOD,
            "missing": labels.missing,
            "steps": labels.reliability.steps if labels.reliability else 0,
        },
        "guidelines": parts.guidelines(facts),
        "slices": parts.slices(facts),
    }


def as_table(found: Matrix, *, names: tuple[str, ...]) -> Json:
    place = {person: index for index, person in enumerate(found.annotators)}
    return {
        "annotators": [names[person] for person in found.annotators],
        "cells": [{"a": place[cell.a], "b": place[cell.b], **cell.figure.as_dict()} for cell in found.cells],
    }

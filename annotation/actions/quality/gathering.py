"""All that the figures of a project are made from, out of the database once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annotation.actions.pseudonyms import pseudonym
from annotation.actions.quality import checks, reading
from annotation.actions.quality.answers import Answers, answers_of
from annotation.actions.quality.checks import Check
from annotation.actions.quality.reading import Rated
from annotation.models import Project
from annotation.stats.agreement.pairs import PairCounts, pair_counts
from annotation.stats.said import Flags, Said, Whole


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`said`: current judgements of tasks that ask for labels; `keys` (N,) and `annotator_ids` (J,): their keys and
    their people's. `counts`: what was said of each pair. `named` (J,): False for those whom an import had no name
    for, who are nobody in particular."""

    project: Project
    voices: str
    said: Said
    keys: Whole
    counts: PairCounts
    annotator_ids: Whole
    named: Flags
    answers: Answers
    ratings: dict[str, Rated]
    tags: dict[str, Whole]
    known: list[Check]
    repeats: list[Check]

    @cached_property
    def by_named(self) -> Said:
        return self.said.only(self.named[self.said.annotators])


def gathered(project: Project, *, voices: str) -> Facts:
    judgements = reading.labels(project, voices=voices)
    read = reading.read(judgements)
    return Facts(
        project=project,
        voices=voices,
        said=read.said,
        keys=read.keys,
        counts=pair_counts(read.said),
        annotator_ids=read.annotator_ids,
        named=named(read.said),
        answers=answers_of(project, said=read.said),
        ratings=reading.ratings(judgements, keys=read.keys),
        tags=reading.tags_of(project, task_ids=read.said.task_ids),
        known=checks.known(project, voices=voices),
        repeats=checks.repeats(project, voices=voices),
    )


def named(said: Said) -> Flags:
    """An import calls those without a name `unnamed-0`, `unnamed-1`, … by their place in the row."""
    most = int(np.bincount(said.tasks).max(initial=0))
    plain = [f"unnamed-{place}" for place in range(most)]
    nobody = {*plain, *map(pseudonym, plain)}
    return np.array([name not in nobody for name in said.names], dtype=np.bool_)

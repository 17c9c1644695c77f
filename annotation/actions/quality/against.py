"""Labels held against an answer that somebody else has found: a field of the tasks' metadata names the best one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.reading import CHUNK
from annotation.exceptions import NotFound
from annotation.models import Project, Task
from annotation.stats import reliability
from annotation.stats.agreement.pairs import votes_of
from annotation.stats.consensus import NotConverged
from annotation.stats.figures import Figure
from annotation.stats.labels.consensus_ranking import consensus_ranking, measured
from annotation.stats.labels.stopping import beaten
from annotation.stats.reliability import METHODS
from annotation.stats.said import Floats, Said, Whole
from annotation.stats.shares import clustered_share

NOT_SAID = -1


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of the metadata, and what it says for the answer at each position."""

    name: str
    values: tuple[str, ...]


def labels_against(facts: Facts, field: Field) -> dict[str, Any]:
    """How often the majority and each consensus put the answer in front that the field names; of several in front
    each counts its share.

    Raises:
        NotFound: no task that was judged has the field with one of these values.
    """
    truth = truths(facts.project, field, task_ids=facts.said.task_ids)
    if not (truth != NOT_SAID).any():
        raise NotFound(f"No judged task has {', '.join(field.values)} in {field.name!r} of its metadata.")
    found = {"majority": right(majority(facts.said), truth=truth).as_dict()}
    for method in METHODS:
        found[method] = of_method(facts.said, method=method, truth=truth).as_dict()
    return found


def truths(project: Project, field: Field, *, task_ids: Whole) -> Whole:
    """(T,): the position that the field names, NOT_SAID where it names none."""
    place = {key: index for index, key in enumerate(task_ids.tolist())}
    truth = np.full(task_ids.size, NOT_SAID)
    tasks = Task.objects.filter(project=project).exclude(metadata={}).order_by()
    for key, metadata in tasks.values_list("pk", "metadata").iterator(chunk_size=CHUNK):
        if key in place and (value := str(metadata.get(field.name))) in field.values:
            truth[place[key]] = field.values.index(value)
    return truth


def majority(said: Said) -> Floats:
    """(T, K): how many answers each one beat, less those that it lost to, in all judgements; NaN unjudged."""
    scores = np.zeros((said.number_of_tasks, said.ranks.shape[1]))
    np.add.at(scores, said.tasks, beaten(said.ranks))
    return scores


def of_method(said: Said, *, method: str, truth: Whole) -> Figure:
    votes, _ = votes_of(said)
    try:
        trust = measured(reliability.estimate(votes, method=method))
    except (reliability.NothingShared, reliability.OnlyChance, NotConverged) as error:
        return Figure(value=None, missing=str(error), what="tasks")
    consensus = consensus_ranking(said, trust=trust)
    scores = np.full((said.number_of_tasks, said.ranks.shape[1]), np.nan)
    scores[consensus.tasks] = consensus.best
    return right(scores, truth=truth)


def right(scores: Floats, *, truth: Whole) -> Figure:
    known = (truth != NOT_SAID) & ~np.isnan(scores).any(axis=1)
    best = np.isclose(scores[known], scores[known].max(axis=1, keepdims=True))
    named = best[np.arange(best.shape[0]), truth[known]]
    share = named / np.maximum(best.sum(axis=1), 1)
    return clustered_share(share, np.ones_like(share), what="tasks")

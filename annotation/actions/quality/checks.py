"""How people did where the answer was known, and where they were asked twice; both as first said."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import nan
from typing import Any

from annotation.actions.quality import reading
from annotation.models import Project
from annotation.stats.disagreement import Ranking, agreement_of_two
from annotation.stats.figures import Figure, not_enough
from annotation.stats.intervals import Cluster, clustered_wilson
from annotation.stats.known import score

MINIMUM = 5  # tasks, below which a share of pairs is not said


@dataclass(frozen=True, kw_only=True)
class Check:
    """`right` of `pairs` on the judgement `key` of the person `annotator`, under a version of the guidelines;
    `at`, in seconds since 1970."""

    key: int
    annotator: int
    task: int
    guideline: int
    right: float
    pairs: int
    tags: tuple[str, ...] = ()
    at: float = nan


def known(project: Project, *, voices: str) -> list[Check]:
    said = reading.known(project, voices=voices).order_by("pk")
    fields = ("pk", "annotator_id", "task_id", "guideline_version", "ranking", "task__known", "task__tags", "at")
    checks = []
    for key, annotator, task, guideline, ranking, answer, tags, at in said.values_list(*fields).iterator(
        reading.CHUNK
    ):
        right, pairs = score(ranking, (answer or {}).get("ranking") or [])
        checks.append(
            Check(
                key=key,
                annotator=annotator,
                task=task,
                guideline=guideline or 0,
                right=right,
                pairs=pairs,
                tags=tuple(tags),
                at=at.timestamp() if at else nan,
            )
        )
    return checks


def repeats(project: Project, *, voices: str) -> list[Check]:
    """Each second judgement against the first one, of the same person."""
    again = reading.repeats(project, voices=voices).order_by("pk")
    fields = ("pk", "annotator_id", "task__repeats", "guideline_version", "ranking")
    asked = list(again.values_list(*fields))
    before = first_said(project, {task for _, _, task, *_ in asked}, voices=voices)
    checks = []
    for key, annotator, task, guideline, ranking in asked:
        if (first := before.get((annotator, task))) is not None:
            same, pairs = agreement_of_two(first, ranking)
            checks.append(
                Check(key=key, annotator=annotator, task=task or 0, guideline=guideline or 0, right=same, pairs=pairs)
            )
    return checks


def first_said(project: Project, tasks: set[int | None], *, voices: str) -> dict[tuple[int, Any], Ranking]:
    found: dict[tuple[int, Any], Ranking] = {}
    keys = sorted(task for task in tasks if task is not None)
    for start in range(0, len(keys), reading.CHUNK):
        part = keys[start : start + reading.CHUNK]
        said = reading.counted(project, voices=voices).filter(task__in=part, revision=0)
        found |= {(by, task): ranking for by, task, ranking in said.values_list("annotator", "task", "ranking")}
    return found


def by_annotator(checks: Iterable[Check]) -> dict[int, list[Check]]:
    found: dict[int, list[Check]] = defaultdict(list)
    for item in checks:
        found[item.annotator].append(item)
    return found


def share(checks: Iterable[Check]) -> Figure:
    """Of all pairs. Those of one task hang together, whoever judged it: the interval knows."""
    sums: dict[int, tuple[float, int]] = {}
    for item in checks:
        right, pairs = sums.get(item.task, (0.0, 0))
        sums[item.task] = (right + item.right, pairs + item.pairs)
    clusters = [Cluster(right, pairs) for right, pairs in sums.values() if pairs]
    n = sum(cluster.n for cluster in clusters)
    if len(clusters) < MINIMUM:
        return not_enough(n=len(clusters), needed=MINIMUM, what="tasks")
    low, high = clustered_wilson(clusters)
    right = sum(cluster.successes for cluster in clusters)
    return Figure(value=right / n, low=low, high=high, n=n, groups=len(clusters), what="pairs")

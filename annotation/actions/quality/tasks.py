"""The tasks that one more vote would tell most about, and what their votes say together."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.labels import Labels
from annotation.actions.quality.reading import CHUNK
from annotation.models import Measurement, Task, TaskMeasure
from annotation.stats.agreement.pairs import PairCounts, choose_two
from annotation.stats.said import Floats, Whole
from annotation.stats.shares import by_cluster

MOST = 20_000
DIGITS = 4
LONGEST_PROMPT = 160


def measures(measurement: Measurement, facts: Facts, *, labels: Labels) -> list[TaskMeasure]:
    found = labels.consensus
    rows = np.argsort(-found.information, kind="stable")[:MOST]
    keys = facts.said.task_ids[found.tasks[rows]]
    about = dict(described(keys))
    apart = disagreements(facts.counts, number=facts.said.number_of_tasks)
    return [
        TaskMeasure(
            measurement=measurement,
            task_id=key,
            votes=int(found.voices[row]),
            disagreement=None if np.isnan(apart[found.tasks[row]]) else float(apart[found.tasks[row]]),
            information=float(found.information[row]),
            sureness=float(found.sureness[row]),
            content={
                "ranking": found.ranking(row),
                "pairs": [rounded(pair) for pair in found.pairs_of(row)],
                "prompt": about[key][0],
            },
            tags=framed(about[key][1]),
        )
        for row, key in zip(rows.tolist(), keys.tolist(), strict=True)
        if key in about
    ]


def open_questions(facts: Facts, *, labels: Labels) -> dict[str, Any]:
    """How many tasks that nobody is asked about any more are less sure than the project wants them to be."""
    found, wanted = labels.consensus, facts.project.sureness
    keys = facts.said.task_ids[found.tasks[found.sureness < wanted]]
    portions = (keys[start : start + CHUNK].tolist() for start in range(0, keys.size, CHUNK))
    done = Task.objects.filter(state=Task.State.DONE).order_by()
    return {"tasks": sum(done.filter(pk__in=portion).count() for portion in portions), "sureness": wanted}


def disagreements(counts: PairCounts, *, number: int) -> Floats:
    """(T,): 0 where all say the same of every pair, 1 for two opposite orders, NaN where there are no two voices; as
    `disagreement`."""
    first, tied, second = counts.counts.T.astype(np.float64)
    distance, couples = by_cluster(
        counts.tasks, first * second + tied * (first + second) / 2, choose_two(first + tied + second)
    )
    found = np.full(number, np.nan)
    with np.errstate(invalid="ignore"):
        found[np.unique(counts.tasks)] = np.where(couples > 0, distance / couples, np.nan)
    return found


def described(keys: Whole) -> Iterator[tuple[int, tuple[str, list[str]]]]:
    """The beginning of the last message, and the tags, by key."""
    for start in range(0, keys.size, CHUNK):
        tasks = Task.objects.filter(pk__in=keys[start : start + CHUNK].tolist()).order_by()
        tasks = tasks.exclude(state=Task.State.WITHDRAWN)  # nobody is asked any more
        for key, messages, tags in tasks.values_list("pk", "prompt__messages", "tags"):
            yield key, (str(messages[-1]["content"])[:LONGEST_PROMPT] if messages else "", tags)


def framed(tags: list[str]) -> str:
    return "\n" + "\n".join(tags) + "\n" if tags else ""


def rounded(pair: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, DIGITS) if isinstance(value, float) else value for name, value in pair.items()}

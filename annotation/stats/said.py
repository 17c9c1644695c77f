"""Judgements as arrays: who ranked which answers of which task how, when, and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Small = NDArray[np.int8]
Flags = NDArray[np.bool_]

UNRANKED = -1


@dataclass(frozen=True, kw_only=True)
class Said:
    """N judgements of T tasks by J annotators, with at most K answers.

    `tasks`, `annotators`: (N,), indices from 0. `ranks`: (N, K), the tie group of the answer at each position, 0 for
    the best, UNRANKED where it was left out or the task has no such answer. `at`: (N,), seconds since 1970, NaN where
    unknown. `seconds`: (N,), NaN where unknown. `shown`: (N, K), the place (0 is the first) at which each position
    was seen, -1 where unknown. `guidelines`: (N,), the version, 0 where unknown. `names`: (J,), of annotators.
    `task_ids`: (T,), keys of the tasks in the database.
    """

    tasks: Whole
    annotators: Whole
    ranks: Small
    at: Floats
    seconds: Floats
    shown: Small
    guidelines: Whole
    names: tuple[str, ...]
    task_ids: Whole

    def __len__(self) -> int:
        return self.tasks.size

    @property
    def number_of_tasks(self) -> int:
        return self.task_ids.size

    def only(self, kept: Flags) -> "Said":
        """The judgements where `kept` (N,) is True; tasks and annotators keep their indices."""
        rows = {f.name: getattr(self, f.name)[kept] for f in fields(self) if f.name not in ("names", "task_ids")}
        return replace(self, **rows)


def ranks_of(rankings: Sequence[Sequence[Sequence[int]]], *, size: int) -> Small:
    """(N, size) from tie groups of positions, best first."""
    ranks = np.full((len(rankings), size), UNRANKED, dtype=np.int8)
    for row, groups in enumerate(rankings):
        for rank, group in enumerate(groups):
            ranks[row, list(group)] = rank
    return ranks

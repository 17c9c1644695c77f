"""What is found of tasks that have the same answers."""

from dataclasses import dataclass

from annotation.stats.said import Floats, Small


@dataclass(frozen=True, kw_only=True)
class Found:
    """Of C tasks with k answers, as in `Consensus`. `ranks` and `best`: (C, k), `pairs`: (C, P, 3), `information`:
    (C,)."""

    ranks: Small
    pairs: Floats
    best: Floats
    information: Floats

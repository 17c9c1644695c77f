"""How much of a known answer a ranking gets right."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

Ranking = Sequence[Sequence[int]]


class Score(NamedTuple):
    """`right` of `pairs` strictly ordered known pairs were ordered the same way."""

    right: int
    pairs: int

    @property
    def share(self) -> float:
        """1 where the known answer orders nothing: then there is nothing to get wrong."""
        return self.right / self.pairs if self.pairs else 1.0


def score(ranking: Ranking, known: Ranking) -> Score:
    """Compare tie groups of positions, best first. What the known answer ties is not counted; a tie, or a position
    left out, where the known answer has an order is wrong."""
    said = _ranks(ranking)
    right = pairs = 0
    for better, worse in _strict_pairs(known):
        pairs += 1
        right += better in said and worse in said and said[better] < said[worse]
    return Score(right, pairs)


def total(scores: Iterable[Score]) -> Score:
    """All pairs together, each counting once."""
    found = list(scores)
    return Score(sum(item.right for item in found), sum(item.pairs for item in found))


def _ranks(ranking: Ranking) -> dict[int, int]:
    return {position: rank for rank, group in enumerate(ranking) for position in group}


def _strict_pairs(ranking: Ranking) -> Iterable[tuple[int, int]]:
    for better, worse in combinations(ranking, 2):
        yield from ((first, second) for first in better for second in worse)

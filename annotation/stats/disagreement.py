"""How far the rankings of one task lie apart. Standard library only: the web process loads this."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

Ranking = Sequence[Sequence[int]]  # tie groups of positions, best first

TIE = 0.5  # of an opposite order: the distance between "equal" and "better"


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """`share` of what could differ does: 0 where all say the same, 1 for two opposite orders; None without a pair of
    responses that two people ranked. `differing` of `pairs` response pairs are not ordered alike by all."""

    share: float | None
    differing: int
    pairs: int
    rankings: int

    @property
    def is_dispute(self) -> bool:
        return self.differing > 0

    @property
    def percent(self) -> float | None:
        return None if self.share is None else 100 * self.share


def disagreement(rankings: Sequence[Ranking]) -> Disagreement:
    """Mean distance of two of the rankings, over all two of them and all pairs of responses that both ranked.

    Σ_pairs (b·w + t·(b + w)/2) / Σ_pairs n(n-1)/2, where of the n people who ranked a pair of responses b put the
    one first, w the other, and t called them equal. For two full rankings of K responses this is Kendall's distance
    with penalty 1/2 for a tie against an order, K^(1/2), over K(K-1)/2 (Fagin, Kumar, Mahdian, Sivakumar and Vee,
    "Comparing partial rankings", SIAM Journal on Discrete Mathematics 20(3), 2006).
    """
    distance, compared, differing, pairs = 0.0, 0, 0, 0
    for verdicts in _verdicts(rankings).values():
        before, behind, equal = verdicts[-1], verdicts[1], verdicts[0]
        judged = before + behind + equal
        if judged < 2:
            continue
        pairs += 1
        differing += judged not in (before, behind, equal)
        compared += judged * (judged - 1) // 2
        distance += before * behind + TIE * equal * (before + behind)
    share = distance / compared if compared else None
    return Disagreement(share=share, differing=differing, pairs=pairs, rankings=len(rankings))


def agreement_of_two(first: Ranking, second: Ranking) -> tuple[float, int]:
    """On how many of the pairs that both ranked they agree (a tie against an order counts half), and of how many."""
    apart = disagreement([first, second])
    return (1 - (apart.share or 0)) * apart.pairs, apart.pairs


def _verdicts(rankings: Iterable[Ranking]) -> dict[tuple[int, int], Counter[int]]:
    """For each pair (i, j), i < j: how many ranked i before j (-1), behind (1), or equal (0)."""
    counted: dict[tuple[int, int], Counter[int]] = {}
    for ranking in rankings:
        rank_of = {position: rank for rank, group in enumerate(ranking) for position in group}
        for first, second in combinations(sorted(rank_of), 2):
            order = (rank_of[first] > rank_of[second]) - (rank_of[first] < rank_of[second])
            counted.setdefault((first, second), Counter())[order] += 1
    return counted

from collections.abc import Sequence
from itertools import combinations

from annotation.models import Comparison, Judgement, Response


def comparisons_of(judgement: Judgement, *, responses: Sequence[Response]) -> list[Comparison]:
    """One unsaved comparison for each pair of ranked positions, better first; `responses` by position.

    A pair of one tie group is a tie and has no strength. What was left unranked is compared with nothing.
    """
    placed = [(rank, position) for rank, group in enumerate(judgement.ranking) for position in sorted(group)]
    return [
        Comparison(
            judgement=judgement,
            winner=responses[better],
            loser=responses[worse],
            tie=rank == other_rank,
            strength=None if rank == other_rank else judgement.strength,
        )
        for (rank, better), (other_rank, worse) in combinations(placed, 2)
    ]

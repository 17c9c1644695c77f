"""Whether the ratings of a criterion go with the ranking that the same person gave."""

import numpy as np

from annotation.stats.agreement.pairs import outcomes
from annotation.stats.agreement.peers import Scores
from annotation.stats.said import Floats, Said
from annotation.stats.votes import LEFT, RIGHT


def rubric(said: Said, ratings: Floats) -> Scores:
    """Of each judgement's strict pairs with two ratings, on how many the better ranked answer is rated higher, the
    same rating being half. `ratings`: (N, K), NaN where nothing was said. 1 means that the criterion
    decides alone, 1/2 that it says nothing of the ranking, less that a low number is meant for good."""
    right, n = np.zeros(len(said)), np.zeros(len(said))
    for i, j, outcome in outcomes(said.ranks):
        higher = ratings[:, i] - ratings[:, j]
        strict = ((outcome == LEFT) | (outcome == RIGHT)) & ~np.isnan(higher)
        with_rank = np.where(outcome == LEFT, higher, -higher)
        right += np.where(strict, (1 + np.sign(with_rank)) / 2, 0.0)
        n += strict
    return Scores(tasks=said.tasks, right=right, n=n)

"""What else than the answers decides: where they stood on the page, and how long they are."""

import numpy as np

from annotation.stats.agreement.pairs import NOBODY, outcomes
from annotation.stats.agreement.peers import Scores
from annotation.stats.figures import Figure
from annotation.stats.said import Floats, Said
from annotation.stats.shares import by_cluster, clustered_share
from annotation.stats.votes import LEFT, RIGHT, TIE


def position(said: Said) -> Scores:
    """Of each judgement's strict pairs, how many the answer won that was seen earlier. Half is fair, orders being
    random; pairs whose places are not known are left out."""
    right, n = np.zeros(len(said)), np.zeros(len(said))
    for i, j, outcome in outcomes(said.ranks):
        first, second = said.shown[:, i], said.shown[:, j]
        strict = ((outcome == LEFT) | (outcome == RIGHT)) & (first >= 0) & (second >= 0)
        right += strict & ((outcome == LEFT) == (first < second))
        n += strict
    return Scores(tasks=said.tasks, right=right, n=n)


def by_place(said: Said) -> list[Figure]:
    """For each place on the page, from the first: how often an answer that stood there beat another one, a tie being
    half. Half is fair at each; the interval draws tasks. There may be more places than ranked answers."""
    size = max(said.ranks.shape[1], int(said.shown.max(initial=-1)) + 1)
    right, n = np.zeros((size, len(said))), np.zeros((size, len(said)))
    rows = np.arange(len(said))
    for i, j, outcome in outcomes(said.ranks):
        kept = rows[(outcome != NOBODY) & (said.shown[:, i] >= 0) & (said.shown[:, j] >= 0)]
        credit = np.where(outcome[kept] == TIE, 0.5, outcome[kept] == LEFT)
        for answer, won in ((i, credit), (j, 1 - credit)):
            right[said.shown[kept, answer], kept] += won
            n[said.shown[kept, answer], kept] += 1
    return [clustered_share(*by_cluster(said.tasks, right[place], n[place])) for place in range(size)]


def length(said: Said, *, lengths: Floats) -> Scores:
    """Of each judgement's strict pairs of answers of different length, how many the longer one won: `lengths` (T, K)
    in characters. Half is no proof of fairness, for a longer answer may be better; compare people."""
    right, n = np.zeros(len(said)), np.zeros(len(said))
    for i, j, outcome in outcomes(said.ranks):
        longer = lengths[said.tasks, i] - lengths[said.tasks, j]
        strict = ((outcome == LEFT) | (outcome == RIGHT)) & ~np.isnan(longer) & (longer != 0)
        right += strict & ((outcome == LEFT) == (longer > 0))
        n += strict
    return Scores(tasks=said.tasks, right=right, n=n)

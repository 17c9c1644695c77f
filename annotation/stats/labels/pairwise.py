"""The consensus of more answers than have a list of all orders: from each pair by itself, and so approximate."""

from itertools import combinations

import numpy as np

from annotation.stats.labels.found import Found
from annotation.stats.labels.probabilities import normalised, told
from annotation.stats.said import Floats, Small
from annotation.stats.votes import LEFT, RIGHT, TIE


def combined(scores: Floats, *, size: int, channel: Floats) -> Found:
    """From log-probabilities (C, P, 3) of the pairs of `size` answers, taken for independent.

    Answers stand by the sum of their probabilities to be better, a tie being half (Borda's count, the order that
    errs least on pairs; Coppersmith, Fleischer and Rurda, ACM Transactions on Algorithms 6(3), 2010), neighbours
    together where a tie is likeliest. In front is with probability ∝ Π (1 - another is better). What a vote
    tells is a sum over pairs, times 2 / size, as a ranking has no more than size - 1 independent pairs.
    """
    pairs = normalised(scores)
    matrix = np.full((len(pairs), size, size), 0.5)
    ties, beaten = np.zeros_like(matrix), np.zeros_like(matrix)
    for column, (i, j) in enumerate(combinations(range(size), 2)):
        first, tied, second = pairs[:, column, LEFT], pairs[:, column, TIE], pairs[:, column, RIGHT]
        matrix[:, i, j], matrix[:, j, i] = first + tied / 2, second + tied / 2
        ties[:, i, j] = ties[:, j, i] = tied > np.maximum(first, second)
        beaten[:, i, j], beaten[:, j, i] = second, first
    front = np.prod(1 - beaten, axis=2)
    return Found(
        ranks=ranked(matrix.sum(axis=2), ties=ties),
        pairs=pairs,
        best=front / np.maximum(front.sum(axis=1, keepdims=True), 1e-300),
        information=told(pairs, channel).sum(axis=1) * 2 / size,
    )


def ranked(scores: Floats, *, ties: Floats) -> Small:
    """(C, K): ranks from 0 by falling score (C, K); whom the one before ties (C, K, K) shares its rank."""
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(len(scores))
    ranks = np.zeros(scores.shape, dtype=np.int8)
    for place in range(1, scores.shape[1]):
        before, here = order[:, place - 1], order[:, place]
        ranks[rows, here] = ranks[rows, before] + (ties[rows, before, here] == 0)
    return ranks

"""Whether somebody who prefers A to B and B to C also prefers A to C: circular triads."""

from dataclasses import dataclass

import numpy as np

from annotation.stats.figures import Figure
from annotation.stats.said import UNRANKED, Floats, Said, Whole
from annotation.stats.shares import clustered_share, grouped_shares


@dataclass(frozen=True, kw_only=True)
class Triads:
    """Of what one person said of the answers to one prompt: `right` (G,) of `n` (G,) triads go round no circle;
    `annotators` and `prompts` (G,) say whose and of what."""

    annotators: Whole
    prompts: Whole
    right: Floats
    n: Floats

    def figure(self) -> Figure:
        """Over all; the interval draws people's prompts."""
        return clustered_share(self.right, self.n, what="triads", unit="prompts")

    def by_annotator(self, number: int) -> list[Figure]:
        return grouped_shares(self.right, self.n, self.annotators, number=number, what="triads", unit="prompts")


def triads(said: Said, *, prompts: Whole, responses: Whole) -> Triads:
    """Of judgements of two answers: `prompts` (T,) and `responses` (T, K) say which they were, by any numbers. A
    ranking of more is never circular in itself, so such are left out, and so is who ties, or who says both.

    Circular are, of the answers that one person compared each with each, Σ over triads of A > B > C > A, trace(W³) /
    3 with W the matrix of wins (Kendall and Babington Smith, Biometrika 31, 1940).
    """
    two = (said.ranks != UNRANKED).sum(axis=1) == 2
    ranks, tasks = said.ranks[two], said.tasks[two]
    last = ranks.shape[1] - 1 - np.argmax(ranks[:, ::-1] != UNRANKED, axis=1)
    first = np.argmax(ranks != UNRANKED, axis=1)
    rows = np.arange(len(ranks))
    strict = ranks[rows, first] != ranks[rows, last]
    wins = np.where(ranks[rows, first] < ranks[rows, last], 1, -1)[strict]
    a, b = responses[tasks, first][strict], responses[tasks, last][strict]
    groups, place = np.unique(
        np.stack([said.annotators[two][strict], prompts[tasks][strict]]), axis=1, return_inverse=True
    )
    right, n = _counted(place.ravel(), a, b, wins, number=groups.shape[1])
    return Triads(annotators=groups[0], prompts=groups[1], right=right, n=n)


def _counted(groups: Whole, a: Whole, b: Whole, wins: Whole, *, number: int) -> tuple[Floats, Floats]:
    right, n = np.zeros(number), np.zeros(number)
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups, minlength=number)
    starts = np.cumsum(sizes) - sizes
    for group in np.flatnonzero(sizes >= 3):
        rows = order[starts[group] : starts[group] + sizes[group]]
        circular, closed = circles(a[rows], b[rows], wins[rows])
        right[group], n[group] = closed - circular, closed
    return right, n


def circles(a: Whole, b: Whole, wins: Whole) -> tuple[int, int]:
    """How many triads are circular, and how many there are of which all three pairs were ordered."""
    items, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    if items.size < 3:
        return 0, 0
    lead = np.zeros((items.size, items.size))
    np.add.at(lead, (codes[: a.size], codes[a.size :]), wins)
    lead -= lead.T
    won = (lead > 0).astype(np.float64)
    met = won + won.T
    return round(float(np.trace(won @ won @ won)) / 3), round(float(np.trace(met @ met @ met)) / 6)

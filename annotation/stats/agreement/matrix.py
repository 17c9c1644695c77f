"""Who agrees with whom: agreement of each two annotators on the pairs that both ranked."""

from dataclasses import dataclass

import numpy as np

from annotation.stats.agreement.orders import couples
from annotation.stats.agreement.peers import of_two
from annotation.stats.figures import Figure
from annotation.stats.said import Said, Whole
from annotation.stats.shares import grouped_shares

MOST = 30  # annotators, that a matrix can still be read


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Agreement of annotators `a` and `b`, indices of `Said.names`, a < b in the matrix's order."""

    a: int
    b: int
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """`annotators`: indices of `Said.names`, most judgements first. Two who share no task have no cell."""

    annotators: list[int]
    cells: list[Cell]


def matrix(said: Said, *, most: int = MOST) -> Matrix:
    """The agreement of each two of the busiest annotators, a tie against an order being half; every task that both
    judged is a cluster, and `n` counts pairs of answers."""
    busiest = busiest_annotators(said, most=most)
    place = np.full(len(said.names), -1)
    place[busiest] = np.arange(busiest.size)
    theirs = said.only(place[said.annotators] >= 0)
    size = busiest.size
    right, n, cells = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for one, other in couples(theirs.tasks):
        alike, compared = of_two(theirs.ranks[one], theirs.ranks[other])
        a, b = place[theirs.annotators[one]], place[theirs.annotators[other]]
        kept = (compared > 0) & (a != b)
        right.append(alike[kept])
        n.append(compared[kept])
        cells.append((np.minimum(a, b) * size + np.maximum(a, b))[kept])
    found = np.concatenate(cells)
    figures = grouped_shares(np.concatenate(right), np.concatenate(n), found, number=size * size)
    return Matrix(
        annotators=busiest.tolist(),
        cells=[
            Cell(a=int(busiest[cell // size]), b=int(busiest[cell % size]), figure=figures[cell])
            for cell in np.unique(found)
        ],
    )


def busiest_annotators(said: Said, *, most: int) -> Whole:
    """Indices of those with most judgements, at most so many; of as many, the first by name."""
    counts = np.bincount(said.annotators, minlength=len(said.names))
    order = sorted(np.flatnonzero(counts), key=lambda index: (-counts[index], said.names[index]))
    return np.array(order[:most], dtype=np.int64)

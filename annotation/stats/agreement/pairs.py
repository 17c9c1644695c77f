"""How often two people say the same of a pair of answers, and what each said of it, counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotation.stats.figures import Figure
from annotation.stats.said import UNRANKED, Floats, Said, Small, Whole
from annotation.stats.shares import by_cluster, clustered_share
from annotation.stats.votes import LEFT, OUTCOMES, RIGHT, TIE, Votes

NOBODY = -1  # the outcome of a pair that a judgement leaves out


@dataclass(frozen=True, kw_only=True)
class PairCounts:
    """`counts`: (M, 3), how many people called the first answer of a pair better, neither, the second one. `tasks`:
    (M,), ascending; `first` and `second`: (M,), positions in the task, first < second. Pairs that nobody ranked are
    left out."""

    tasks: Whole
    first: Small
    second: Small
    counts: Whole

    def __len__(self) -> int:
        return self.tasks.size

    @property
    def voices(self) -> Whole:
        """(M,): how many people ranked both."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def shared(self) -> "PairCounts":
        """The pairs of which two people or more said something."""
        kept = self.voices > 1
        return PairCounts(
            tasks=self.tasks[kept], first=self.first[kept], second=self.second[kept], counts=self.counts[kept]
        )


def outcomes(ranks: Small) -> Iterator[tuple[int, int, Small]]:
    """For all positions i < j what each judgement said: (i, j, (N,) of LEFT, TIE, RIGHT, or NOBODY)."""
    for i, j in combinations(range(ranks.shape[1]), 2):
        said = (TIE + np.sign(ranks[:, i] - ranks[:, j])).astype(np.int8)
        said[(ranks[:, i] == UNRANKED) | (ranks[:, j] == UNRANKED)] = NOBODY
        yield i, j, said


def pair_counts(said: Said) -> PairCounts:
    """What was said of each pair of answers of each task; nobody is expected to judge a task twice."""
    found = [(_none(), np.zeros(0, np.int8), np.zeros(0, np.int8), np.zeros((0, OUTCOMES), np.int64))]
    for i, j, outcome in outcomes(said.ranks):
        kept = outcome != NOBODY
        cells = said.tasks[kept] * OUTCOMES + outcome[kept]
        counts = np.bincount(cells, minlength=said.number_of_tasks * OUTCOMES).reshape(-1, OUTCOMES)
        tasks = np.flatnonzero(counts.any(axis=1))
        found.append((tasks, np.full(tasks.size, i, np.int8), np.full(tasks.size, j, np.int8), counts[tasks]))
    tasks, first, second, counts = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(tasks, kind="stable")
    return PairCounts(tasks=tasks[order], first=first[order], second=second[order], counts=counts[order])


def votes_of(said: Said) -> tuple[Votes, PairCounts]:
    """The judgements as votes on the pairs of the counts, for `reliability.estimate`; each is worth 2 / answers
    ranked. Judgements that rank no two answers give none."""
    counts = pair_counts(said)
    size = said.ranks.shape[1]
    keys = (counts.tasks * size + counts.first) * size + counts.second
    order = np.argsort(keys)
    worth = 2 / np.maximum((said.ranks != UNRANKED).sum(axis=1), 1)
    pairs, people, votes, weights = [_none()], [_none()], [_none()], [np.zeros(0)]
    for i, j, outcome in outcomes(said.ranks):
        kept = np.flatnonzero(outcome != NOBODY)
        wanted = (said.tasks[kept] * size + i) * size + j
        pairs.append(order[np.searchsorted(keys, wanted, sorter=order)])
        people.append(said.annotators[kept])
        votes.append(outcome[kept].astype(np.int64))
        weights.append(worth[kept])
    found = Votes(
        pairs=np.concatenate(pairs),
        annotators=np.concatenate(people),
        outcomes=np.concatenate(votes),
        worth=np.concatenate(weights),
        names=said.names,
    )
    return found, counts


def agreement(counts: PairCounts) -> Figure:
    """Of two people and a pair that both ranked: how often they say the same, a tie against an order being half.

    Σ [C(n,2) - b w - t (b + w) / 2] / Σ C(n,2), where of n people b, w and t call the first better, the second, and
    neither (1 less the distance of `disagreement`). `n` counts pairs; the interval draws tasks, whose pairs and
    people hang together. Every two people count once, so much-judged tasks count for more.
    """
    first, tied, second = counts.counts.T.astype(np.float64)
    couples = choose_two(first + tied + second)
    return _by_task(counts, alike=couples - first * second - tied * (first + second) / 2, couples=couples)


def exact_agreement(counts: PairCounts) -> Figure:
    """As `agreement`, a tie against an order being no agreement at all; two ties are one."""
    return _by_task(
        counts, alike=choose_two(counts.counts).sum(axis=1), couples=choose_two(counts.voices.astype(np.float64))
    )


def strict_agreement(counts: PairCounts) -> Figure:
    """As `agreement`, of two people who both call one of the answers better."""
    first, second = counts.counts[:, LEFT].astype(np.float64), counts.counts[:, RIGHT].astype(np.float64)
    return _by_task(counts, alike=choose_two(first) + choose_two(second), couples=choose_two(first + second))


def choose_two(n: Floats | Whole) -> Floats:
    return np.asarray(n * (n - 1) / 2, dtype=np.float64)


def _by_task(counts: PairCounts, *, alike: Floats, couples: Floats) -> Figure:
    right, n = by_cluster(counts.tasks, alike, couples)
    return clustered_share(right, n, n=int(np.count_nonzero(couples)))


def _none() -> Whole:
    return np.zeros(0, dtype=np.int64)

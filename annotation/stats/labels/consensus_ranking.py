"""What the votes on a task say together: its ranking, how sure that is, and what one more vote would tell.

Every order with ties of a task's answers is a hypothesis. A ranking that an annotator gives has, under a true order,
the product over its pairs of the probability that this annotator says this of such a pair, to the power of 2 / K: the
pairs of a ranking of K answers say no more than K - 1 independent ones. That is Babington Smith's model of rankings
(JRSS B 12(1), 1950; its pairs are Bradley and Terry's where these have strengths), with each annotator's own
probabilities from `reliability`, so that whoever is careless moves little and whoever is adversarial moves it the
other way. With two answers it is Dawid and Skene's posterior. Up to MOST_EXACT answers the posterior is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotation.stats.agreement.pairs import NOBODY, outcomes
from annotation.stats.consensus import CELL_OF, HALF_KNOWING, HALVED
from annotation.stats.labels.found import Found
from annotation.stats.labels.pairwise import combined
from annotation.stats.labels.probabilities import normalised, told
from annotation.stats.labels.weak_orders import WeakOrders, weak_orders
from annotation.stats.reliability import Reliability
from annotation.stats.said import UNRANKED, Flags, Floats, Said, Small, Whole
from annotation.stats.votes import OUTCOMES

MOST_EXACT = 5  # answers: 541 orders; six have 4,683, and a matrix of all by all of them is 175 MB
PORTION = 10_000  # tasks at a time, 45 MB of posterior with five answers
# Beforehand, as long as nothing was measured: a tie is as likely as either side.
UNKNOWN_TRUTH = np.full(OUTCOMES, 1 / OUTCOMES)


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How people vote: `tables` (J, 5), each annotator's probabilities by cell; `everybody` (1, 5), of somebody of
    whom nothing is known; `truth` (3,), how likely better, neither, worse are of a pair beforehand."""

    tables: Floats
    everybody: Floats
    truth: Floats


@dataclass(frozen=True, kw_only=True)
class Consensus:
    """Of C tasks with a pair that somebody ranked; P = K (K - 1) / 2 pairs of positions i < j in the order of
    `itertools.combinations`.

    `tasks`: (C,), indices. `voices`: (C,), judgements that ranked a pair. `ranks`: (C, K), the likeliest order,
    UNRANKED what nobody compared. `pairs`: (C, P, 3), the probability that the one is better, neither, the other;
    NaN where nobody ranked one of them. `best`: (C, K), the probability that nothing is better. `sureness`: (C,),
    that of the answer which `ranks` puts in front, the highest where it puts several. `information`: (C,), bits of
    the order that one more ranking by somebody of whom nothing is known is expected to tell.
    """

    tasks: Whole
    voices: Whole
    ranks: Small
    pairs: Floats
    best: Floats
    sureness: Floats
    information: Floats

    def __len__(self) -> int:
        return self.tasks.size

    def ranking(self, row: int) -> list[list[int]]:
        """Tie groups of positions, best first."""
        ranks = self.ranks[row]
        return [np.flatnonzero(ranks == rank).tolist() for rank in range(ranks.max(initial=-1) + 1)]

    def pairs_of(self, row: int) -> list[dict[str, float]]:
        """For each pair: positions `a` and `b`, and the probabilities that a is better, neither is, b is."""
        both = zip(combinations(range(self.ranks.shape[1]), 2), self.pairs[row].tolist(), strict=True)
        return [
            {"a": a, "b": b, "first": first, "tie": tie, "second": second}
            for (a, b), (first, tie, second) in both
            if not np.isnan(first)
        ]


def measured(found: Reliability) -> Trust:
    return Trust(tables=found.tables, everybody=found.everybody, truth=found.truth)


def unmeasured(number_of_annotators: int) -> Trust:
    """Everybody knows the answer half of the time and guesses else; for votes that say nothing of who cast them."""
    return Trust(
        tables=np.repeat(HALF_KNOWING, number_of_annotators, axis=0), everybody=HALF_KNOWING, truth=UNKNOWN_TRUTH
    )


def consensus_ranking(said: Said, *, trust: Trust) -> Consensus:
    """The consensus of each task on which somebody ranked two answers."""
    size = said.ranks.shape[1]
    evidence, answers, voices = gathered(said, trust=trust)
    tasks = np.flatnonzero(voices)
    ranks = np.full((tasks.size, size), UNRANKED, dtype=np.int8)
    pairs = np.full((tasks.size, size * (size - 1) // 2, OUTCOMES), np.nan)
    best, information = np.zeros((tasks.size, size)), np.zeros(tasks.size)
    for rows, positions in alike(answers[tasks]):
        here = set(positions.tolist())
        columns = np.array([c for c, pair in enumerate(combinations(range(size), 2)) if here.issuperset(pair)])
        found = judged(evidence[np.ix_(tasks[rows], columns)], size=positions.size, trust=trust)
        ranks[np.ix_(rows, positions)] = found.ranks
        pairs[np.ix_(rows, columns)] = found.pairs
        best[np.ix_(rows, positions)] = found.best
        information[rows] = found.information
    return Consensus(
        tasks=tasks, voices=voices[tasks], ranks=ranks, pairs=pairs, best=best,
        sureness=np.where(ranks == 0, best, 0).max(axis=1, initial=0), information=information,
    )  # fmt: skip


def gathered(said: Said, *, trust: Trust) -> tuple[Floats, Flags, Whole]:
    """Of each task the log-likelihood of its votes by pair and truth (T, P, 3), which answers somebody compared
    (T, K), and how many judgements did (T,)."""
    number, size = said.number_of_tasks, said.ranks.shape[1]
    worth = 2 / np.maximum((said.ranks != UNRANKED).sum(axis=1), 2)
    table = np.log(trust.tables) + HALVED
    evidence = np.zeros((number, size * (size - 1) // 2, OUTCOMES))
    answers = np.zeros((number, size), dtype=bool)
    for column, (i, j, outcome) in enumerate(outcomes(said.ranks)):
        kept = np.flatnonzero(outcome != NOBODY)
        tasks, people, cells = said.tasks[kept], said.annotators[kept], CELL_OF[:, outcome[kept]]
        answers[tasks, i] = answers[tasks, j] = True
        for truth in range(OUTCOMES):
            weights = worth[kept] * table[people, cells[truth]]
            evidence[:, column, truth] = np.bincount(tasks, weights=weights, minlength=number)
    ranked_two = (said.ranks != UNRANKED).sum(axis=1) > 1
    return evidence, answers, np.bincount(said.tasks[ranked_two], minlength=number)


def alike(answers: Flags) -> Iterator[tuple[Whole, Whole]]:
    """Rows whose tasks have the same answers (C, K), in portions, with these answers' positions."""
    masks = answers @ (1 << np.arange(answers.shape[1]))
    for mask in np.unique(masks):
        rows = np.flatnonzero(masks == mask)
        for start in range(0, rows.size, PORTION):
            yield rows[start : start + PORTION], np.flatnonzero(answers[rows[0]])


def judged(evidence: Floats, *, size: int, trust: Trust) -> Found:
    """Of tasks with `size` answers, from the log-likelihood (C, P, 3) of their votes."""
    with np.errstate(divide="ignore"):
        prior = np.log(trust.truth) * 2 / size
    if size > MOST_EXACT:
        return combined(evidence + prior, size=size, channel=pair_channel(trust))
    orders = weak_orders(size)
    pairs = evidence.shape[1]
    # What cannot be true has no probability; -inf times 0 would have none either.
    finite = np.maximum(np.tile(prior, pairs), -1e6)
    likely = normalised(evidence.reshape(len(evidence), -1) @ orders.marks.T + orders.marks @ finite)
    channel = ranking_channel(orders, size=size, trust=trust)
    return Found(
        ranks=orders.ranks[likely.argmax(axis=1)],
        pairs=(likely @ orders.marks).reshape(-1, pairs, OUTCOMES),
        best=likely @ orders.best,
        information=told(likely, channel),
    )


def ranking_channel(orders: WeakOrders, *, size: int, trust: Trust) -> Floats:
    """(O, O): with which probability somebody of whom nothing is known gives each ranking (column) under each truth
    (row)."""
    table = (np.log(trust.everybody) + HALVED)[0] * 2 / size
    scores = table[CELL_OF[orders.outcomes[:, None, :], orders.outcomes[None, :, :]]].sum(axis=2)
    return normalised(scores)


def pair_channel(trust: Trust) -> Floats:
    """(3, 3): of one pair, what such a person says (column) under each truth (row)."""
    return normalised((np.log(trust.everybody) + HALVED)[0][CELL_OF])

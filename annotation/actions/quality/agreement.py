"""How far people agree: on pairs, on orders, on ratings, by two, and over time."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.reading import Rated
from annotation.stats.agreement import alpha, kappa, orders, pairs, peers
from annotation.stats.agreement.matrix import Cell, Matrix
from annotation.stats.agreement.pairs import PairCounts
from annotation.stats.figures import Figure
from annotation.stats.said import UNRANKED, Said
from annotation.stats.shares import by_cluster, clustered_share
from annotation.stats.strengths.ceiling import ceiling
from annotation.stats.votes import OUTCOMES, Votes

MOST_COUPLES = 20  # of annotators, that a kappa is said of
WEEKLY = timedelta(days=200)  # what takes longer is shown by month
Json = dict[str, Any]


def overall(said: Said, counts: PairCounts) -> dict[str, Figure]:
    return {
        "pairs": pairs.agreement(counts),
        "strict": pairs.strict_agreement(counts),
        "exact": pairs.exact_agreement(counts),
        "unanimous": unanimous(counts),
        "alpha": alpha.alpha_of_pairs(counts),
        "fleiss": kappa.fleiss_of_pairs(counts),
        "tau_b": orders.tau_b(said),
        "top_1": orders.top_1(said),
        "ceiling": ceiling(counts),
    }


def unanimous(counts: PairCounts) -> Figure:
    """Of the pairs that two people or more ranked: those of which all say the same."""
    shared = counts.shared
    same = (shared.counts.max(axis=1) == shared.voices).astype(np.float64)
    return clustered_share(*by_cluster(shared.tasks, same, np.ones_like(same)))


def cohens(votes: Votes, *, counts: PairCounts, matrix: Matrix) -> list[Json]:
    """Of the two who share most, and so on."""
    most = sorted(matrix.cells, key=lambda cell: -cell.figure.n)[:MOST_COUPLES]
    said = by_pair(votes, {person for cell in most for person in (cell.a, cell.b)})
    return [
        {"a": votes.names[cell.a], "b": votes.names[cell.b], **cohen(said, cell, counts=counts).as_dict()}
        for cell in most
    ]


def by_pair(votes: Votes, people: set[int]) -> dict[int, Any]:
    """What each of these people said of each pair (P,), -1 where nothing."""
    found = {}
    for person in people:
        theirs = votes.annotators == person
        found[person] = np.full(votes.number_of_pairs, -1, dtype=np.int8)
        found[person][votes.pairs[theirs]] = votes.outcomes[theirs]
    return found


def cohen(said: dict[int, Any], cell: Cell, *, counts: PairCounts) -> Figure:
    """The sides of a pair stand as they stand in the task, as where such figures are published."""
    first, second = said[cell.a], said[cell.b]
    both = (first >= 0) & (second >= 0)
    tasks = counts.tasks[both]
    return kappa.cohen(
        first[both].astype(np.int64), second[both].astype(np.int64), categories=OUTCOMES, clusters=tasks
    )


def over_time(said: Said, scores: peers.Scores) -> list[Json]:
    """Agreement of what was said in each week or month with all else that was said of the same tasks."""
    known = ~np.isnan(said.at)
    if not known.any():
        return []
    found = []
    for start, end in periods(day_of(said.at[known].min()), day_of(said.at[known].max())):
        inside = known & (said.at >= midnight(start)) & (said.at < midnight(end))
        if inside.any():
            figure = scores.figure(inside).as_dict()
            found.append({"from": start.isoformat(), "to": end.isoformat(), **figure})
    return found


def periods(first: date, last: date) -> list[tuple[date, date]]:
    """Weeks from a Monday on, or months; the last one ends after the last day."""
    weekly = last - first <= WEEKLY
    start = first - timedelta(days=first.weekday()) if weekly else first.replace(day=1)
    found = []
    while start <= last:
        end = start + timedelta(days=7) if weekly else (start + timedelta(days=32)).replace(day=1)
        found.append((start, end))
        start = end
    return found


def day_of(moment: float) -> date:
    return datetime.fromtimestamp(moment, UTC).date()


def midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def of_ratings(facts: Facts) -> Json:
    """By criterion, alpha over answers, whose tasks are what the interval draws."""
    return {name: of_criterion(facts.said, rated) for name, rated in facts.ratings.items()}


def of_criterion(said: Said, rated: Rated) -> Json:
    tasks = said.tasks[rated.judgements]
    items = tasks * (int(rated.positions.max(initial=0)) + 1) + rated.positions
    levels: tuple[alpha.Level, ...] = ("nominal", "ordinal", "interval")
    return {
        level: alpha.alpha(items=items, values=rated.values, level=level, clusters=tasks).as_dict()
        for level in levels
    }


def of_ranks(said: Said) -> Figure:
    """Interval alpha of the ranks that answers got, where a task has more than two."""
    many = (said.ranks != UNRANKED).sum(axis=1) > 2
    rows, positions = np.nonzero((said.ranks != UNRANKED) & many[:, None])
    if not rows.size:
        return Figure(value=None, what="items", missing="no task has more than two answers")
    tasks = said.tasks[rows]
    items = tasks * said.ranks.shape[1] + positions
    values = said.ranks[rows, positions].astype(np.float64)
    return alpha.alpha(items=items, values=values, level="interval", clusters=tasks)

"""From rankings to groups: one prompt, its distinct responses, and everything that anyone said of them.

A group may be one ranking of K responses, a tournament of hundreds of pairs over thirty, or both, from many people:
its comparisons are the edges of a graph over the responses, so a response is encoded once however often it was
compared (InstructGPT, 2203.02155, §3.5). Unranked responses say nothing. Responses with the same text are one
response; of a response and itself a judgement says nothing, and that is counted nowhere. Torch-free.
"""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

from training.ml.data.pairs import MARGINS, Prompt
from training.ml.data.releases import Agreed, Message, Response, Row

Ranking = tuple[tuple[int, ...], ...]  # tie groups of response indices, best first


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one person (or judge) said of a group's responses, once; it names at least two of them.

    The indices of a tie group rise. Whoever was shown one text twice may have put it at two ranks: it then stands at
    both.
    """

    annotator: str
    ranking: Ranking
    strength: int | None
    weight: float  # above 0
    ratings: dict[str, dict[int, float]] = field(default_factory=dict)  # by criterion and response

    def rated_apart(self, criterion: str) -> list[tuple[int, int]]:
        """The pairs of responses that were rated differently, the higher rating first."""
        ratings = self.ratings.get(criterion, {})
        return [
            (low, high) if ratings[low] > ratings[high] else (high, low)
            for low, high in combinations(sorted(ratings), 2)
            if ratings[low] != ratings[high]
        ]


@dataclass(frozen=True, kw_only=True)
class Group:
    """`responses`: distinct texts, each with the policy under which it appeared first. `agreed`: what all votes come
    to together, if the release says so; the weights of a pair sum to 1."""

    prompt: Prompt
    responses: tuple[Response, ...]
    verdicts: tuple[Verdict, ...]
    agreed: tuple["Edge", ...] = ()

    @property
    def messages(self) -> list[Message]:
        return [{"role": role, "content": content} for role, content in self.prompt]

    @property
    def prompt_id(self) -> str:
        return hashlib.sha256(json.dumps(self.prompt, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Equal comparisons of two responses, merged. Of a tie, `better` is the lower index and the margin is 0."""

    better: int
    worse: int
    tie: bool
    margin: float
    weight: float

    @property
    def pair(self) -> tuple[int, int]:
        """The two responses, whoever won."""
        return min(self.better, self.worse), max(self.better, self.worse)


class Comparison(NamedTuple):
    better: int
    worse: int
    tie: bool


@dataclass
class Draft:
    """A group while its rows are read."""

    responses: dict[str, Response] = field(default_factory=dict)  # by text, in order of appearance
    verdicts: list[Verdict] = field(default_factory=list)
    agreed: dict[Comparison, float] = field(default_factory=lambda: defaultdict(float))


def of_rows(rows: Iterable[Row]) -> list[Group]:
    """One group a prompt, in order of first appearance; give it the rows of one split.

    A judgement that ranks fewer than two distinct responses, or weighs nothing, is no verdict.
    """
    drafts: dict[Prompt, Draft] = defaultdict(Draft)
    for row in rows:
        read(row, drafts[tuple((message["role"], message["content"]) for message in row.prompt)])
    return [
        Group(
            prompt=prompt,
            responses=tuple(draft.responses.values()),
            verdicts=tuple(draft.verdicts),
            agreed=tuple(
                shares([Edge(**pair._asdict(), margin=0.0, weight=weight) for pair, weight in draft.agreed.items()])
            ),
        )
        for prompt, draft in drafts.items()
    ]


def read(row: Row, draft: Draft) -> None:
    """Add the row's responses and verdicts to the draft."""
    for response in row.responses:
        draft.responses.setdefault(response.text, response)
    place = {text: index for index, text in enumerate(draft.responses)}
    indices = [place[response.text] for response in row.responses]
    for pair in row.consensus:
        for comparison, weight in sides(pair, indices):
            draft.agreed[comparison] += weight
    for judgement in row.judgements:
        ranking = tuple(tuple(sorted({indices[i] for i in group})) for group in judgement.ranking if group)
        if judgement.weight > 0 and len({i for group in ranking for i in group}) > 1:
            draft.verdicts.append(
                Verdict(
                    annotator=judgement.annotator,
                    ranking=ranking,
                    strength=judgement.strength,
                    weight=judgement.weight,
                    ratings={name: placed(values, indices) for name, values in judgement.ratings.items()},
                )
            )


def sides(pair: Agreed, indices: Sequence[int]) -> list[tuple[Comparison, float]]:
    """The three things that may be so of a pair, with their probabilities; nothing of a response and itself."""
    a, b = indices[pair.a], indices[pair.b]
    said = [
        (Comparison(a, b, tie=False), pair.first),
        (Comparison(min(a, b), max(a, b), tie=True), pair.tie),
        (Comparison(b, a, tie=False), pair.second),
    ]
    return [(comparison, weight) for comparison, weight in said if weight > 0 and a != b]


def placed(values: Sequence[float | None], indices: Sequence[int]) -> dict[int, float]:
    """Ratings by response; of a text that was shown twice the first."""
    found: dict[int, float] = {}
    for index, value in zip(indices, values, strict=True):
        if value is not None:
            found.setdefault(index, value)
    return found


def edges(group: Group, *, labels: str, margin: str, ties: bool = True) -> list[Edge]:
    """The group's comparisons, equal ones merged, in order of first appearance.

    Args:
        labels: `votes`: a comparison weighs what its judgements weigh together. `shares`: the weights of each
            unordered pair sum to 1, so that disagreement is a soft label. `majority`: one edge of weight 1 a pair,
            for the side that more weight preferred; a tie where both have as much. A tie votes for neither side.
            `consensus`: what the release says that all votes come to; the weights of a pair sum to 1.
        margin: `strength`: the mean of the judgements' margins by weight (`pairs.MARGINS`). `off`: 0.
        ties: False: ties count as not said, and an even vote gives no edge.
    """
    if labels == "consensus":
        return [edge for edge in group.agreed if ties or not edge.tie]
    heard = [edge for edge in votes(group, margin=margin) if ties or not edge.tie]
    return [edge for edge in EDGES[labels](heard) if ties or not edge.tie]


def votes(group: Group, *, margin: str) -> list[Edge]:
    weights: dict[Comparison, float] = defaultdict(float)
    margins: dict[Comparison, float] = defaultdict(float)
    for verdict in group.verdicts:
        for comparison in comparisons(verdict.ranking):
            weights[comparison] += verdict.weight
            if margin == "strength" and not comparison.tie:
                margins[comparison] += verdict.weight * MARGINS.get(verdict.strength or 0, 0.0)
    return [
        Edge(**comparison._asdict(), margin=margins[comparison] / weight, weight=weight)
        for comparison, weight in weights.items()
    ]


def comparisons(ranking: Ranking) -> list[Comparison]:
    """What a ranking says of two different responses, each statement once."""
    tied = [Comparison(*pair, tie=True) for group in ranking for pair in combinations(group, 2)]
    strict = [
        Comparison(winner, loser, tie=False)
        for better, worse in combinations(ranking, 2)
        for winner in better
        for loser in worse
        if winner != loser
    ]
    return list(dict.fromkeys([*tied, *strict]))


def rated(group: Group, *, labels: str) -> dict[str, list[Edge]]:
    """By criterion what its ratings say: of two responses that one person rated apart, the higher one is better.

    Persons are compared with themselves alone, for one's 4 is another's 3. `labels` as in `edges`; of ratings there
    is no consensus, and they are shares.
    """
    merged = EDGES.get(labels, shares)
    weights: dict[str, dict[Comparison, float]] = defaultdict(lambda: defaultdict(float))
    for verdict in group.verdicts:
        for criterion in verdict.ratings:
            for better, worse in verdict.rated_apart(criterion):
                weights[criterion][Comparison(better, worse, tie=False)] += verdict.weight
    found = {
        criterion: merged([Edge(**c._asdict(), margin=0.0, weight=weight) for c, weight in said.items()])
        for criterion, said in weights.items()
    }
    return {criterion: [edge for edge in said if not edge.tie] for criterion, said in found.items()}


def as_they_are(found: Sequence[Edge]) -> list[Edge]:
    return list(found)


def shares(found: Sequence[Edge]) -> list[Edge]:
    """Each edge's share of the weight on its pair."""
    totals: dict[tuple[int, int], float] = defaultdict(float)
    for edge in found:
        totals[edge.pair] += edge.weight
    return [replace(edge, weight=edge.weight / totals[edge.pair]) for edge in found]


def majority(found: Sequence[Edge]) -> list[Edge]:
    """One edge a pair, of weight 1."""
    by_pair: dict[tuple[int, int], list[Edge]] = defaultdict(list)
    for edge in found:
        by_pair[edge.pair].append(edge)
    return [replace(winner(rivals), weight=1.0) for rivals in by_pair.values()]


def winner(rivals: Sequence[Edge]) -> Edge:
    """The strict edge with the most weight of a pair's edges; a tie if the two sides weigh the same."""
    low, high = rivals[0].pair
    weight = {edge.better: edge.weight for edge in rivals if not edge.tie}
    if math.isclose(weight.get(low, 0.0), weight.get(high, 0.0)):
        return Edge(better=low, worse=high, tie=True, margin=0.0, weight=1.0)
    return max((edge for edge in rivals if not edge.tie), key=lambda edge: edge.weight)


EDGES: dict[str, Callable[[Sequence[Edge]], list[Edge]]] = {
    "votes": as_they_are,
    "shares": shares,
    "majority": majority,
}
LABELS = tuple(EDGES)


def rankings(group: Group, *, labels: str, among: Collection[int], ties: bool = True) -> list[tuple[Ranking, float]]:
    """The group's rankings for a listwise loss, restricted to the responses `among`, equal ones merged.

    Args:
        labels: `votes`: a ranking weighs what its judgements weigh together. `shares`: the weights of all rankings of
            the same responses sum to 1. `majority`: of these the one with the most weight stays, with weight 1; of
            several with as much each its share. So rankings of two weigh what their edges weigh, but for ties, which
            here are rankings like any other.
        ties: False: a ranking in which nothing is better than anything is left out.
    """
    weights: dict[Ranking, float] = defaultdict(float)
    for verdict in group.verdicts:
        weights[restricted(unambiguous(verdict.ranking), among)] += verdict.weight
    by_set: dict[frozenset[int], dict[Ranking, float]] = defaultdict(dict)
    for ranking, weight in weights.items():
        named = frozenset(i for group_ in ranking for i in group_)
        if len(named) > 1 and (ties or len(ranking) > 1):
            by_set[named][ranking] = weight
    return [pair for rivals in by_set.values() for pair in weighed(rivals, labels=labels).items()]


def weighed(rivals: dict[Ranking, float], *, labels: str) -> dict[Ranking, float]:
    """The weights of the rankings of one set of responses."""
    if labels == "votes":
        return rivals
    if labels == "majority":
        most = max(rivals.values())
        rivals = {ranking: weight for ranking, weight in rivals.items() if math.isclose(weight, most)}
    total = sum(rivals.values())
    return {ranking: weight / total for ranking, weight in rivals.items()}


def restricted(ranking: Ranking, kept: Collection[int]) -> Ranking:
    """The ranking of those responses alone."""
    left = (tuple(i for i in group if i in kept) for group in ranking)
    return tuple(group for group in left if group)


def unambiguous(ranking: Ranking) -> Ranking:
    """The ranking with each response at one rank.

    A response at several ranks with nothing else at or between them has one place; else it has none, and goes.
    """
    ranks: dict[int, list[int]] = defaultdict(list)
    for rank, group in enumerate(ranking):
        for i in group:
            ranks[i].append(rank)
    placed = {
        i for i, at in ranks.items() if len(at) == 1 or all(ranking[r] == (i,) for r in range(at[0], at[-1] + 1))
    }
    left = (tuple(i for i in group if i in placed and ranks[i][0] == rank) for rank, group in enumerate(ranking))
    return tuple(group for group in left if group)

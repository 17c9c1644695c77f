"""Groups as tokens, and which of them share a forward pass.

A prompt with its answers and all that was said of them stays together: its comparisons in different steps overfit
(InstructGPT, 2203.02155, §3.5), and apart they would encode their responses again. Only a prompt over the token
budget is split. Torch-free.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from training.ml.data import groups
from training.ml.data.conversations import Encoder, Tokens
from training.ml.data.groups import Edge, Group, Ranking

WINDOW = 50  # batches: among the prompts of so many, drawn at random, batches are formed by length
LEAST_WINDOWS = 4  # even of few prompts, or the same ones would meet in every epoch; both as in transformers' sampler


@dataclass(frozen=True, kw_only=True)
class Item:
    """One prompt with its compared answers, in tokens.

    Edges and rankings name answers by their place in `answers`. `rankings`: tie groups, best first, and a weight.
    `criteria`: by criterion of the rubric the comparisons that its ratings make of these answers.
    """

    prompt: list[int]
    answers: list[list[int]]
    edges: list[Edge]
    rankings: list[tuple[Ranking, float]]
    share: float = 1.0  # of its prompt, where a prompt had to be split
    criteria: dict[str, list[Edge]] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """The prompt once, and all answers."""
        return self.size(shared=True)

    @property
    def longest(self) -> int:
        """Tokens of the longest conversation."""
        return len(self.prompt) + max(map(len, self.answers))

    def size(self, *, shared: bool) -> int:
        """Tokens that the model reads; not `shared`: each answer brings its own copy of the prompt."""
        return len(self.prompt) * (1 if shared else len(self.answers)) + sum(map(len, self.answers))


@dataclass
class Plan:
    """The batches of one pass over the data, and how many prompts were over the budget and in parts."""

    batches: list[list[Item]]
    split_prompts: int


def encode(found: Sequence[Group], *, encoder: Encoder, labels: str, margin: str, ties: bool = True) -> list[Item]:
    """Items of the groups in order; those in which no comparison is left are left out.

    Each compared response is encoded, and counted by the encoder, once; the others are not encoded. One that is
    dropped for its length takes its comparisons along. Where truncation left the answers of a group prompts of
    different lengths, all get the shortest of these: the conversations that were over-long are counted as truncated,
    not those whose prompt became shorter with theirs. For `labels`, `margin` and `ties` see `groups.edges`.
    """
    items = (item_of(group, encoder=encoder, labels=labels, margin=margin, ties=ties) for group in found)
    return [item for item in items if item is not None]


def item_of(group: Group, *, encoder: Encoder, labels: str, margin: str, ties: bool) -> Item | None:
    edges = groups.edges(group, labels=labels, margin=margin, ties=ties)
    tokens = encoded(group, answers_of(edges), encoder=encoder)
    edges = [edge for edge in edges if edge.better in tokens and edge.worse in tokens]
    if not edges:
        return None
    used = answers_of(edges)
    return Item(
        prompt=min((tokens[i].prompt for i in used), key=len),
        answers=[tokens[i].answer for i in used],
        edges=renumbered(edges, used),
        rankings=[
            (renamed(ranking, used), weight)
            for ranking, weight in groups.rankings(group, labels=labels, among=used, ties=ties)
        ],
        criteria={name: among(said, used) for name, said in groups.rated(group, labels=labels).items()},
    )


def among(edges: Sequence[Edge], used: Sequence[int]) -> list[Edge]:
    """Those of the edges that are between these answers, renumbered."""
    return renumbered([edge for edge in edges if edge.better in used and edge.worse in used], used)


def encoded(group: Group, indices: Sequence[int], *, encoder: Encoder) -> dict[int, Tokens]:
    """The responses that fit, by index."""
    tokens = {i: encoder.encode(group.messages, group.responses[i].text) for i in indices}
    return {i: found for i, found in tokens.items() if found is not None}


def answers_of(edges: Sequence[Edge]) -> list[int]:
    return sorted({i for edge in edges for i in edge.pair})


def renumbered(edges: Sequence[Edge], used: Sequence[int]) -> list[Edge]:
    """The edges with answers named by their place in `used`, which rises: the lower index of a tie stays lower."""
    place = {old: new for new, old in enumerate(used)}
    return [replace(edge, better=place[edge.better], worse=place[edge.worse]) for edge in edges]


def renamed(ranking: Ranking, used: Sequence[int]) -> Ranking:
    place = {old: new for new, old in enumerate(used)}
    return tuple(tuple(place[i] for i in group) for group in ranking)


def split(item: Item, *, budget: int, shared: bool = True) -> list[Item]:
    """Parts of at most `budget` tokens that hold every edge once; [item] if it is within the budget.

    An answer is encoded again in every part that compares it; the parts are grown greedily to make that seldom.
    Two answers that are over the budget with their prompt are a part of their own, since a pair cannot be split.
    Rankings are restricted to the answers of the part, and kept where one of their pairs is compared: a ranking of
    two stays whole, a longer one becomes rankings of fewer answers, some of which may say the same twice.
    """
    if item.size(shared=shared) <= budget or not item.edges:
        return [item]
    by_pair: dict[tuple[int, int], list[Edge]] = defaultdict(list)
    for edge in item.edges:
        by_pair[edge.pair].append(edge)
    parts = list(parts_of(item, by_pair, budget=budget, shared=shared))
    return parts if len(parts) > 1 else [item]


def parts_of(
    item: Item, by_pair: Mapping[tuple[int, int], list[Edge]], *, budget: int, shared: bool
) -> Iterator[Item]:
    room = budget - (len(item.prompt) if shared else 0)
    left = Uncovered(by_pair, costs=[len(answer) + (0 if shared else len(item.prompt)) for answer in item.answers])
    while left.rivals:
        used = sorted(grown(left, room=room))
        covered = left.take(used)
        yield part_of(item, used, [edge for pair in covered for edge in by_pair[pair]])


class Uncovered:
    """The pairs of answers that no part compares yet.

    `rivals`: for each answer those that it is still to meet. `costs`: tokens of each answer.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]], *, costs: Sequence[int]) -> None:
        self.costs = costs
        self.rivals: dict[int, set[int]] = defaultdict(set)
        for low, high in pairs:
            self.rivals[low].add(high)
            self.rivals[high].add(low)

    def busiest_pair(self) -> tuple[int, int]:
        """The answer with most rivals left, and of these the one with most for its tokens."""
        first = max(self.rivals, key=lambda i: (len(self.rivals[i]), -i))
        return first, max(self.rivals[first], key=lambda i: (len(self.rivals[i]) / self.costs[i], -i))

    def fitting_pair(self, *, outside: set[int], room: int) -> tuple[int, int] | None:
        """A pair of answers that are not yet in the part and fit together; the cheapest one."""
        pairs = ((i, j) for i in self.rivals for j in self.rivals[i] if i < j and not {i, j} & outside)
        cheapest = min(pairs, key=lambda pair: (self.costs[pair[0]] + self.costs[pair[1]], pair), default=None)
        return cheapest if cheapest and self.costs[cheapest[0]] + self.costs[cheapest[1]] <= room else None

    def take(self, used: Sequence[int]) -> list[tuple[int, int]]:
        """Remove the pairs among these answers, and return them."""
        inside = set(used)
        taken = [(low, high) for low in used for high in sorted(self.rivals[low] & inside) if low < high]
        for i in used:
            self.rivals[i] -= inside
            if not self.rivals[i]:
                del self.rivals[i]
        return taken


def grown(left: Uncovered, *, room: int) -> set[int]:
    """The answers of one part: a pair, and then always the answer that adds most comparisons for its tokens.

    Where none adds any, an unconnected pair saves a copy of the prompt.
    """
    used: set[int] = set()
    met = dict.fromkeys(left.rivals, 0)
    more: tuple[int, ...] | None = left.busiest_pair()
    while more:
        used.update(more)
        room -= sum(left.costs[i] for i in more)
        for i in more:
            for rival in left.rivals[i]:
                met[rival] += 1
        fitting = [i for i in met if met[i] and i not in used and left.costs[i] <= room]
        if fitting:
            more = (max(fitting, key=lambda i: (met[i] / left.costs[i], len(left.rivals[i]), -i)),)
        else:
            more = left.fitting_pair(outside=used, room=room)
    return used


def part_of(item: Item, used: Sequence[int], edges: Sequence[Edge]) -> Item:
    """`share`: by the weight of the edges, so that the parts of a prompt weigh together what it did.

    What ratings say of two answers goes where the two are compared; in a prompt that is split other ratings are lost.
    """
    compared = {edge.pair for edge in edges}
    restricted = ((groups.restricted(ranking, used), weight) for ranking, weight in item.rankings)
    return Item(
        prompt=item.prompt,
        answers=[item.answers[i] for i in used],
        edges=renumbered(edges, used),
        rankings=[(renamed(ranking, used), weight) for ranking, weight in restricted if says_of(ranking, compared)],
        share=item.share * sum(edge.weight for edge in edges) / sum(edge.weight for edge in item.edges),
        criteria={
            name: renumbered([edge for edge in said if edge.pair in compared], used)
            for name, said in item.criteria.items()
        },
    )


def says_of(ranking: Ranking, compared: set[tuple[int, int]]) -> bool:
    """Whether the ranking names both answers of one of these pairs."""
    named = {i for group in ranking for i in group}
    return any(low in named and high in named for low, high in compared)


def plan(items: Sequence[Item], *, budget: int, most: int, seed: int, shared: bool = True) -> Plan:
    """Every item once, in batches of at most `most` prompts and `budget` tokens; a part counts as a prompt.

    A pair that is over the budget by itself is a batch by itself. Batches hold conversations of similar length and
    come in random order. The plan follows from the seed: give each epoch one of its own.
    """
    rng = random.Random(seed)  # noqa: S311
    parts = [split(item, budget=budget, shared=shared) for item in items]
    drawn = [part for of_prompt in parts for part in of_prompt]
    rng.shuffle(drawn)
    window = most * max(1, min(WINDOW, len(drawn) // (most * LEAST_WINDOWS)))
    batches = list(filled(bucketed(drawn, window=window), budget=budget, most=most, shared=shared))
    rng.shuffle(batches)
    return Plan(batches=batches, split_prompts=sum(len(of_prompt) > 1 for of_prompt in parts))


def bucketed(items: Sequence[Item], *, window: int) -> Iterator[Item]:
    """The items of each window by length, rising and falling in turn: neighbours are of similar length."""
    for number, start in enumerate(range(0, len(items), window)):
        yield from sorted(items[start : start + window], key=lambda item: item.longest, reverse=number % 2 == 1)


def filled(items: Iterator[Item], *, budget: int, most: int, shared: bool) -> Iterator[list[Item]]:
    """Batches in the order of the items, each as full as the next item allows."""
    batch: list[Item] = []
    spent = 0
    for item in items:
        size = item.size(shared=shared)
        if batch and (len(batch) == most or spent + size > budget):
            yield batch
            batch, spent = [], 0
        batch.append(item)
        spent += size
    if batch:
        yield batch

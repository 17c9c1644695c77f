"""Votes weighed by reliability on UKPConvArg1: do they say what one more person says, and what the authors' label is?

    .venv/bin/python -m tests.bench.bench_reliability [--draws 10]

Held out: of each pair one vote by chance; the others are fitted and, weighed, foretell it if it is strict. Gold: all
votes, against the label of the data's authors, which is from a run of MACE. An even vote is half right.
"""

import argparse
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotation.stats import reliability
from annotation.stats.votes import of_lists
from tests.bench import arguments
from tests.bench.arguments import Pair

METHODS = ("majority", "dawid-skene", "mace")
SIDES = {"[[0], [1]]": 1, "[[1], [0]]": -1}  # else a tie: 0
OUTCOMES = {1: 0, 0: 1, -1: 2}  # as `of_lists` counts


@dataclass(frozen=True, kw_only=True)
class Vote:
    pair: str
    annotator: str
    side: int  # 1 the first is better, 0 neither, -1 the second


def votes_of(pairs: Iterable[Pair]) -> list[Vote]:
    return [
        Vote(pair=pair.key, annotator=vote.annotator, side=SIDES.get(str(vote.ranking), 0))
        for pair in pairs
        for vote in pair.votes
    ]


def one_held_out(votes: Sequence[Vote], *, seed: int) -> tuple[list[Vote], list[Vote]]:
    """The votes but one of each pair, and these."""
    by_pair: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_pair[vote.pair].append(vote)
    draw = random.Random(seed)
    out = [draw.choice(of_pair) for of_pair in by_pair.values()]
    gone = set(map(id, out))
    return [vote for vote in votes if id(vote) not in gone], out


def leads(votes: Sequence[Vote], *, method: str) -> Mapping[str, float]:
    """By pair: above 0 for the first."""
    weights: Sequence[float] = [1.0] * len(votes)
    if method != "majority":
        found = of_lists(
            pairs=[vote.pair for vote in votes],
            annotators=[vote.annotator for vote in votes],
            outcomes=[OUTCOMES[vote.side] for vote in votes],
        )
        weights = reliability.estimate(found, method=method).weights.tolist()
    lead: dict[str, float] = defaultdict(float)
    for vote, weight in zip(votes, weights, strict=True):
        lead[vote.pair] += weight * vote.side
    return lead


def right(lead: Mapping[str, float], truth: Iterable[tuple[str, int]]) -> float:
    """Share of the strict ones."""
    credits = [0.5 if not lead[pair] else float((lead[pair] > 0) == (side > 0)) for pair, side in truth if side]
    return statistics.fmean(credits)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    chosen = parser.parse_args(given)
    pairs = arguments.read(arguments.SHARED / arguments.FILE)
    votes = votes_of(pairs)
    gold = [(pair.key, 1 if pair.gold == (0, 1) else -1) for pair in pairs if pair.gold]
    found: dict[str, list[float]] = defaultdict(list)
    for seed in range(chosen.draws):
        kept, out = one_held_out(votes, seed=seed)
        for method in METHODS:
            found[method].append(right(leads(kept, method=method), [(vote.pair, vote.side) for vote in out]))
    print("| votes | one held out | above the majority (deviation, least) | gold | s |\n|---|---|---|---|---|")
    for method in METHODS:
        above = [one - other for one, other in zip(found[method], found["majority"], strict=True)]
        started = time.process_time()
        of_gold = right(leads(votes, method=method), gold)
        seconds = time.process_time() - started
        spread = f"{statistics.fmean(above):.2%} ({statistics.pstdev(above):.2%}, {min(above):.2%})"
        print(
            f"| {method} | {statistics.fmean(found[method]):.2%} | {spread} | {of_gold:.2%} | {seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Votes of annotators whose reliability is known, for tests that estimate it."""

from dataclasses import replace

import numpy as np

from annotation.stats.votes import Votes


def simulated(
    *, right: np.ndarray, pairs: int, each: int, seed: int = 0, ties: float = 0.3, strict: bool = False
) -> tuple[Votes, np.ndarray]:
    """`each` of the annotators vote on every pair; annotator j says the truth with probability `right[j]`, else one
    of the two other things; `strict`, with `ties` 0: else the other side. Also the truths (pairs,)."""
    chance = np.random.default_rng(seed)
    truth = chance.choice(3, size=pairs, p=[(1 - ties) / 2, ties, (1 - ties) / 2])
    who = np.concatenate([chance.choice(right.size, size=each, replace=False) for _ in range(pairs)])
    of = np.repeat(np.arange(pairs), each)
    wrong = 2 - truth[of] if strict else (truth[of] + chance.integers(1, 3, of.size)) % 3
    said = np.where(chance.random(of.size) < right[who], truth[of], wrong)
    names = tuple(f"a{j}" for j in range(right.size))
    return Votes(pairs=of, annotators=who, outcomes=said, worth=np.ones(of.size), names=names), truth


def turned(votes: Votes, *, which: np.ndarray) -> Votes:
    """The same votes with the sides of some pairs, where `which` (P,) is True, called the other way round."""
    return replace(votes, outcomes=np.where(which[votes.pairs], 2 - votes.outcomes, votes.outcomes))

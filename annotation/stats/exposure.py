"""In which order a person sees the answers of a task, so that over time every policy stands equally often at every
place, and nobody can foretell the next order."""

import math
from collections.abc import Sequence
from random import Random, SystemRandom

SHARPNESS = 1.0

Counts = Sequence[int]


def balanced_order(
    counts: Sequence[Counts], *, sharpness: float = SHARPNESS, chance: Random | None = None
) -> list[int]:
    """Draw which item stands at each place: `order[place]` is an item, 0 to K-1.

    `counts[item][place]` says how often the item's policy stood at this place before; what a row lacks at its end
    counts as never. An order π is drawn with probability proportional to exp(-sharpness Σ_i counts[π(i)][i]) over
    the places i, exactly, from sums over the sets of items that are still to be placed (2^K of them, K at most 9).
    That is minimisation with a biased coin (Pocock and Simon, Biometrics 31, 1975; Smith, JRSS B 46, 1984): the
    orders that balance best are the likeliest and as likely as each other, and none is impossible, so that knowing
    the past does not give the next one away. Without a past every order is as likely.

    Raises:
        ValueError: the sharpness is negative.
    """
    if sharpness < 0:
        raise ValueError(f"a sharpness of {sharpness}: expected 0 (at random) or more")
    size = len(counts)
    weights = [_weights(row, size=size, sharpness=sharpness) for row in counts]
    totals = _totals(weights)
    draw = chance or SystemRandom()
    order: list[int] = []
    left = (1 << size) - 1
    while left:
        place = len(order)
        items = [item for item in range(size) if left >> item & 1]
        chances = [weights[item][place] * totals[left & ~(1 << item)] for item in items]
        item = draw.choices(items, chances)[0]
        order.append(item)
        left &= ~(1 << item)
    return order


def stood(counts: Counts, *, place: int) -> list[int]:
    """The counts of a policy after one more time at this place."""
    return [count + (index == place) for index, count in enumerate(padded(counts, place + 1))]


def padded(counts: Counts, size: int) -> list[int]:
    return [*counts, *[0] * (size - len(counts))]


def _weights(counts: Counts, *, size: int, sharpness: float) -> list[float]:
    """How much an item is wanted at each place, 1 where it stood least. Only differences within a row matter, for
    every item gets one place; they are cut so that no weight vanishes."""
    row = padded(counts, size)[:size]
    least = min(row, default=0)
    return [math.exp(-min(sharpness * (count - least), 30)) for count in row]


def _totals(weights: Sequence[Sequence[float]]) -> list[float]:
    """For each set of items (as bits) the summed weight of all ways to put them at the last places."""
    size = len(weights)
    totals = [1.0] + [0.0] * ((1 << size) - 1)
    for left in range(1, 1 << size):
        place = size - left.bit_count()
        totals[left] = sum(
            weights[item][place] * totals[left & ~(1 << item)] for item in range(size) if left >> item & 1
        )
    return totals

"""A simulated crowd that ranks answers of known merit: careful people, careless ones and some that turn it round."""

import numpy as np

from annotation.stats.said import Said

CAREFUL, CARELESS = 0.9, 0.1  # how often a ranking is made with the answers in view


def crowd(
    *, tasks, size, seed, overlap=5, people=40, careless=0.0, adversarial=0.0, careful=CAREFUL, noise=0.3, ties=0.1
):
    """`overlap` people rank `size` answers of each task. Also the true merit of each answer (tasks, size).

    Who looks sees each merit (0 to 1) with normal noise and ties neighbours less than `ties` apart; who does not look
    ranks at random. The adversarial look as often as the careful and say the reverse.
    """
    chance = np.random.default_rng(seed)
    merit = chance.random((tasks, size))
    kinds = np.zeros(people, dtype=int)
    bad, worse = round(careless * people), round(adversarial * people)
    kinds[:bad], kinds[bad : bad + worse] = 1, 2
    who = np.argsort(chance.random((tasks, people)), axis=1)[:, :overlap].ravel()
    of = np.repeat(np.arange(tasks), overlap)
    looks = chance.random(of.size) < np.where(kinds[who] == 1, CARELESS, careful)
    seen = merit[of] + noise * chance.normal(size=(of.size, size))
    seen = np.where((kinds[who] == 2)[:, None], -seen, seen)
    seen = np.where(looks[:, None], seen, chance.random((of.size, size)))
    unknown = np.full(of.size, np.nan)
    said = Said(
        tasks=of,
        annotators=who,
        ranks=ranked(seen, ties=ties),
        at=unknown,
        seconds=unknown,
        shown=np.argsort(chance.random((of.size, size)), axis=1).astype(np.int8),
        guidelines=np.zeros(of.size, dtype=np.int64),
        names=tuple(map(str, range(people))),
        task_ids=np.arange(tasks),
    )
    return said, merit


def ranked(seen, *, ties):
    """Tie groups by falling value; a neighbour within `ties` of the one before is tied with it."""
    order = np.argsort(-seen, axis=1)
    sorted_values = np.take_along_axis(seen, order, axis=1)
    steps = np.zeros(seen.shape, dtype=np.int64)
    steps[:, 1:] = np.cumsum(sorted_values[:, :-1] - sorted_values[:, 1:] > ties, axis=1)
    ranks = np.empty_like(steps)
    np.put_along_axis(ranks, order, steps, axis=1)
    return ranks.astype(np.int8)

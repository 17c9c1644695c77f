"""How an annotator's vote comes from the truth of a pair: Dawid and Skene's confusion matrix, and MACE.

Both are fitted by expectation-maximisation (`consensus`) and both tie what differs only by which side of a pair is
called left. So five numbers say all of an annotator, the columns of a cell table (J, 5):

    SAME      of a truly better side: votes for it
    EVADED    of a truly better side: votes for neither
    OPPOSITE  of a truly better side: votes for the other one
    EQUAL     of a true tie: votes for neither
    INVENTED  of a true tie: votes for a side, either one (half of it each)

A table of probabilities has SAME + EVADED + OPPOSITE = 1 and EQUAL + INVENTED = 1.
"""

from typing import Protocol

import numpy as np

from annotation.stats.votes import OUTCOMES, TIE, Floats

SAME, EVADED, OPPOSITE, EQUAL, INVENTED = range(5)
CELLS = 5
# A probability of 0 has no logarithm; crowd-kit's Dawid-Skene stops at the same number.
SMALLEST = 1e-10


class ResponseModel(Protocol):
    """`estimate`: the new table of probabilities (J, 5) from expected counts (J, 5), the old table, and a prior that
    is worth `strength` votes: either one row (1, 5) for all or, with strength 0, anything.
    `truth`: (3,), how likely each truth is beforehand, from the posterior (P, 3), each row of it that of `alike` (P,)
    pairs."""

    name: str

    def estimate(self, counts: Floats, *, old: Floats, prior: Floats, strength: float) -> Floats: ...

    def truth(self, posterior: Floats, *, alike: Floats) -> Floats: ...


class DawidSkene:
    """A confusion matrix for each annotator (Dawid and Skene, Applied Statistics 28(1), 1979).

    With counts n of a cell and the prior's probability m: (n + s m) / Σ (n + s m), for the strict truths and the ties
    each; s = 0 is the paper's maximum likelihood.
    """

    name = "dawid-skene"

    def estimate(self, counts: Floats, *, old: Floats, prior: Floats, strength: float) -> Floats:
        filled = np.clip(counts + strength * prior, SMALLEST, None)
        strict, ties = filled[:, :EQUAL], filled[:, EQUAL:]
        return np.hstack([strict / strict.sum(axis=1, keepdims=True), ties / ties.sum(axis=1, keepdims=True)])

    def truth(self, posterior: Floats, *, alike: Floats) -> Floats:
        ties = float(np.clip(posterior[:, TIE] @ alike / alike.sum(), SMALLEST, 1 - SMALLEST))
        return np.array([(1 - ties) / 2, ties, (1 - ties) / 2])


class Mace:
    """Somebody knows the answer with probability θ, else guesses by habit ξ (Hovy, Berg-Kirkpatrick, Vaswani and
    Hovy, "Learning Whom to Trust with MACE", NAACL 2013).

    SAME = θ + (1-θ)ξ_side, EQUAL = θ + (1-θ)ξ_tie, and so on, with 2 ξ_side + ξ_tie = 1. All truths are equally
    likely beforehand, as in the paper, but a tie is none where nobody votes for one: it would explain whatever is
    said by guessing, with θ = 0. The paper's variational Bayes with fixed Beta and Dirichlet priors is left out: the
    prior here is what all annotators do together.
    """

    name = "mace"

    def estimate(self, counts: Floats, *, old: Floats, prior: Floats, strength: float) -> Floats:
        knowing, tie_habit = competence(old), old[:, EVADED] / np.clip(1 - competence(old), SMALLEST, None)
        knew = counts[:, SAME] * knowing / np.clip(old[:, SAME], SMALLEST, None)
        knew_tie = counts[:, EQUAL] * knowing / np.clip(old[:, EQUAL], SMALLEST, None)
        guessed_tie = counts[:, EVADED] + counts[:, EQUAL] - knew_tie
        votes, known = counts.sum(axis=1), knew + knew_tie
        expected = competence(prior)
        habit = prior[:, EVADED] / np.clip(1 - expected, SMALLEST, None)
        knowing = share(known + strength * expected, votes + strength, otherwise=expected)
        tie_habit = share(guessed_tie + strength * habit, votes - known + strength, otherwise=tie_habit)
        return from_competence(knowing, tie_habit)

    def truth(self, posterior: Floats, *, alike: Floats) -> Floats:
        if not posterior[:, TIE].any():
            return np.array([1 / 2, 0.0, 1 / 2])
        return np.full(OUTCOMES, 1 / OUTCOMES)


def competence(table: Floats) -> Floats:
    """(J,): MACE's θ, what a truth adds to the probability of its own vote: SAME - OPPOSITE."""
    return np.asarray(table[:, SAME] - table[:, OPPOSITE], dtype=np.float64)


def from_competence(knowing: Floats, tie_habit: Floats) -> Floats:
    """(J, 5): the table that θ (J,) and ξ_tie (J,) stand for."""
    guess_side = (1 - knowing) * (1 - tie_habit) / 2
    guess_tie = (1 - knowing) * tie_habit
    columns = [knowing + guess_side, guess_tie, guess_side, knowing + guess_tie, 2 * guess_side]
    return np.clip(np.stack(columns, axis=1), SMALLEST, 1.0)


def share(part: Floats, whole: Floats, *, otherwise: Floats) -> Floats:
    """part / whole, and `otherwise` where nothing was counted."""
    empty = whole <= SMALLEST
    return np.clip(np.where(empty, otherwise, part / np.where(empty, 1.0, whole)), 0.0, 1.0)


DAWID_SKENE, MACE = DawidSkene(), Mace()

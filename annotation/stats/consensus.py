"""What is true of each pair and how each annotator votes, found together by expectation-maximisation.

First everybody is taken for one and the same annotator; that gives the table which all share. Then each one gets a
table of their own, with the shared one as a prior worth some votes: whoever said little stays near everybody.
"""

from dataclasses import dataclass, replace
from math import log

import numpy as np

from annotation.stats.response_models import (
    CELLS,
    EQUAL,
    EVADED,
    INVENTED,
    OPPOSITE,
    SAME,
    ResponseModel,
    from_competence,
)
from annotation.stats.votes import OUTCOMES, Floats, Votes, Whole

# Which cell a vote (column: left, tie, right) falls into under a truth (row: left, tie, right).
CELL_OF = np.array([[SAME, EVADED, OPPOSITE], [INVENTED, EQUAL, INVENTED], [OPPOSITE, EVADED, SAME]])
# A vote for a side of a true tie is one of two equally likely ones.
HALVED = np.array([0.0, 0.0, 0.0, 0.0, -log(2)])
GUESSING = from_competence(np.array([0.0]), np.array([1 / OUTCOMES]))  # (1, 5)
# Where EM starts: MACE never leaves a competence of 0, whatever is said.
HALF_KNOWING = from_competence(np.array([0.5]), np.array([1 / OUTCOMES]))  # (1, 5)
TOLERANCE = 1e-5
STEPS = 5000
PATIENCE = 10  # times as many steps where all annotators are one: these take no time, and may converge very slowly


class NotConverged(ArithmeticError):
    """The posteriors still moved after the last step that was allowed."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """`posterior`: (P, 3), the probability that left is better, that neither is, that right is. `table` and `counts`:
    (J, 5), probability and expected number of each annotator's votes by cell. `truth`: (3,), how likely each truth is
    before anybody voted."""

    posterior: Floats
    table: Floats
    counts: Floats
    truth: Floats
    steps: int


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where each vote counts: `cells` (3, V), of J·5 cells, one for each truth; `pairs` (V,); and `worth` (V,).
    A vote may stand for several on its pair, `copies` (V,), and a pair for several alike, `alike` (P,)."""

    cells: Whole
    pairs: Whole
    worth: Floats
    copies: Floats
    alike: Floats
    number_of_annotators: int
    number_of_pairs: int


def pooled(votes: Votes, *, model: ResponseModel) -> Fit:
    """The fit in which all annotators are one: a table of one row. One vote of somebody who guesses is added, so that
    nothing is impossible because nobody happened to do it."""
    places, pattern_of = patterns(votes)
    shares = votes.shares()[np.unique(pattern_of, return_index=True)[1]]
    fit = maximise(
        places,
        model=model,
        posterior=shares,
        start=HALF_KNOWING,
        prior=GUESSING,
        strength=1.0,
        steps=PATIENCE * STEPS,
    )
    return replace(fit, posterior=fit.posterior[pattern_of])


def patterns(votes: Votes) -> tuple[Places, Whole]:
    """If all annotators are one, only how many votes for each outcome a pair has tells it from others: the places of
    these patterns, each with at most three votes, and the pattern of each pair (P,). EM over all votes alike would
    take its thousands of steps over as many rows as there are votes."""
    cells = votes.pairs * OUTCOMES + votes.outcomes
    size = votes.number_of_pairs * OUTCOMES
    copies = np.bincount(cells, minlength=size).reshape(-1, OUTCOMES)
    worth = np.bincount(cells, weights=votes.worth, minlength=size).reshape(-1, OUTCOMES).round(9)
    found, pattern_of, alike = np.unique(np.hstack([copies, worth]), axis=0, return_inverse=True, return_counts=True)
    pairs, outcomes = np.nonzero(found[:, :OUTCOMES])
    places = Places(
        cells=CELL_OF[:, outcomes],
        pairs=pairs,
        worth=(found[pairs, OUTCOMES + outcomes] * alike[pairs]).astype(np.float64),
        copies=found[pairs, outcomes].astype(np.float64),
        alike=alike.astype(np.float64),
        number_of_annotators=1,
        number_of_pairs=len(found),
    )
    return places, pattern_of


def own(votes: Votes, *, model: ResponseModel, prior: Floats, strength: float) -> Fit:
    """The fit in which each annotator has a row of their own; `prior` (1, 5) is worth `strength` votes to each."""
    places = placed(votes, annotators=votes.annotators, number=len(votes.names))
    start = np.repeat(HALF_KNOWING, len(votes.names), axis=0)
    return maximise(
        places, model=model, posterior=votes.shares(), start=start, prior=prior, strength=strength, steps=STEPS
    )


def posterior(votes: Votes, *, fit: Fit) -> Floats:
    """(P, 3): what the fit says of these votes, which may be more than it was made from."""
    places = placed(votes, annotators=votes.annotators, number=len(votes.names))
    return judged(places, table=fit.table, truth=fit.truth)


def placed(votes: Votes, *, annotators: Whole, number: int) -> Places:
    return Places(
        cells=np.stack([annotators * CELLS + cells[votes.outcomes] for cells in CELL_OF]),
        pairs=votes.pairs,
        worth=votes.worth,
        copies=np.ones(votes.pairs.size),
        alike=np.ones(votes.number_of_pairs),
        number_of_annotators=number,
        number_of_pairs=votes.number_of_pairs,
    )


def maximise(
    places: Places,
    *,
    model: ResponseModel,
    posterior: Floats,
    start: Floats,
    prior: Floats,
    strength: float,
    steps: int,
) -> Fit:
    """Steps of EM from a posterior (P, 3) until no probability in it moves by more than TOLERANCE.

    Raises:
        NotConverged: it still moved after so many `steps`.
    """
    table = start
    for step in range(1, steps + 1):
        counts = counted(posterior, places=places)
        table = model.estimate(counts, old=table, prior=prior, strength=strength)
        truth = model.truth(posterior, alike=places.alike)
        moved, posterior = posterior, judged(places, table=table, truth=truth)
        if np.abs(posterior - moved).max() < TOLERANCE:
            return Fit(posterior=posterior, table=table, counts=counts, truth=truth, steps=step)
    raise NotConverged(f"{model.name} still moved by {np.abs(posterior - moved).max():.1e} after {steps} steps")


def counted(posterior: Floats, *, places: Places) -> Floats:
    """(J, 5): how many independent votes of each annotator are expected in each cell."""
    size = places.number_of_annotators * CELLS
    sums = np.zeros(size)
    for truth, cells in enumerate(places.cells):  # one by one: of millions of votes three copies are many
        sums += np.bincount(cells, weights=posterior[places.pairs, truth] * places.worth, minlength=size)
    return sums.reshape(-1, CELLS)


def judged(places: Places, *, table: Floats, truth: Floats) -> Floats:
    """(P, 3): the posterior of each pair's truth, all votes on it being independent once the truth is known."""
    evidence = (np.log(table) + HALVED).ravel()
    sums = [
        np.bincount(places.pairs, weights=evidence[cells] * places.copies, minlength=places.number_of_pairs)
        for cells in places.cells
    ]
    with np.errstate(divide="ignore"):  # what cannot be true keeps a posterior of 0
        scores = np.log(truth) + np.stack(sums, axis=1)
    scores -= scores.max(axis=1, keepdims=True)
    likely = np.exp(scores)
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), dtype=np.float64)

"""How far each annotator can be trusted, and what is likely true of each pair, from votes that overlap.

    votes = of_lists(pairs=…, annotators=…, outcomes=…)      # one entry a vote, 0 left, 1 tie, 2 right
    found = estimate(votes, method="dawid-skene")
    found.weights, found.posterior, found.annotators

Nothing but the votes is looked at: whoever agrees with those who agree is trusted, and a mistake that most people
share is not seen. Written here rather than taken from crowd-kit: the web process loads this, and crowd-kit brings
pandas, scikit-learn and nltk in more than a second, and installs transformers. The tests hold both together.
"""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from annotation.stats import consensus
from annotation.stats.intervals import Interval, wilson
from annotation.stats.response_models import DAWID_SKENE, MACE, OPPOSITE, SAME, competence
from annotation.stats.votes import Floats, Votes, Whole

METHODS = {model.name: model for model in (DAWID_SKENE, MACE)}
# What everybody does counts for an annotator like so many votes of their own. Measured on UKPConvArg1 (74,056 votes,
# about 20 an annotator): of 2, 4, …, 128 these give held-out votes the highest likelihood.
PRIOR_VOTES = {"dawid-skene": 16.0, "mace": 8.0}
# Below this competence of all together nobody is weighed: how far EM, ever slower towards 0, was from it where it
# stopped on simulated guesses (2 to 7 to a pair, 300 and 1,000 pairs). Dawid-Skene tells annotators apart even then.
LEAST_COMPETENCE = {"dawid-skene": -1.0, "mace": 0.02}
# Below so many independent votes on shared pairs an annotator's own number is not said.
ENOUGH = 10


class NothingShared(ValueError):
    """No pair has votes of two people, so that nobody can be compared with anybody."""


class OnlyChance(ArithmeticError):
    """No vote for a side says anything about the side: the votes are too few or agree no better than chance."""


@dataclass(frozen=True, kw_only=True)
class Annotator:
    """`votes` in all, `shared` of them on pairs that others voted on, too. `reliability`: the share of these that say
    what is true, with its interval; None if they are worth less than ENOUGH. `weight`: what a vote of theirs counts,
    1 on average over all votes; of somebody who said little, near everybody's."""

    name: Hashable
    votes: int
    shared: int
    reliability: float | None
    interval: Interval | None
    weight: float


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """`annotators`: (J,), as in `votes.names`. `posterior`: (P, 3), the probability that the left side of a pair is
    better, that neither is, that the right one is. `weights`: (V,), of each vote. `newcomer`: the weight of somebody
    without any vote. `tables`: (J, 5), probabilities of each annotator's votes by cell; `everybody`: (1, 5), of all
    together. `truth`: (3,), how likely each truth is beforehand. `prior_votes`: what the prior was worth. `steps` of
    EM."""

    method: str
    prior_votes: float
    annotators: tuple[Annotator, ...]
    posterior: Floats
    weights: Floats
    newcomer: float
    tables: Floats
    everybody: Floats
    truth: Floats
    steps: int

    @property
    def left_wins(self) -> Floats:
        """(P,): the soft label of a pair: the probability that left is better, a tie being half of one."""
        return np.asarray(self.posterior[:, 0] + self.posterior[:, 1] / 2, dtype=np.float64)


def estimate(votes: Votes, *, method: str, prior_votes: float | None = None) -> Reliability:
    """Fit `method` (a key of METHODS) to the votes on shared pairs, and judge every pair by it.

    Raises:
        NothingShared: no pair has votes of two annotators.
        OnlyChance: the votes are too few or agree no better than guesses would.
        NotConverged: see `consensus.maximise`.
    """
    model, strength = METHODS[method], PRIOR_VOTES[method] if prior_votes is None else prior_votes
    heard = votes.only(votes.shared)
    if not heard.pairs.size:
        raise NothingShared("no pair was judged by two people, so nobody can be compared with anybody")
    everybody = consensus.pooled(heard, model=model)
    fit = consensus.own(heard, model=model, prior=everybody.table, strength=strength)
    weight = evidence(fit.table)
    total = weight[votes.annotators].sum()
    if total <= 0 or competence(everybody.table)[0] < LEAST_COMPETENCE[method]:
        raise OnlyChance("the judgements of the same pairs are too few or agree no better than chance")
    scale = votes.annotators.size / total
    weight = weight * scale
    return Reliability(
        method=method,
        prior_votes=strength,
        annotators=described(votes, heard=heard, fit=fit, weight=weight),
        posterior=consensus.posterior(votes, fit=fit),
        weights=weight[votes.annotators],
        newcomer=float(evidence(everybody.table)[0] * scale),
        tables=fit.table,
        everybody=everybody.table,
        truth=fit.truth,
        steps=fit.steps,
    )


def evidence(table: Floats) -> Floats:
    """(J,): how much a vote for a side says for that side: log P(vote | it is better) / P(vote | the other one is).

    Independent votes add these up (Nitzan and Paroush, International Economic Review 23(2), 1982): the sum of votes
    so weighed is the log-odds of the two sides. Who votes against the truth more often than for it would count below
    0: their votes weigh 0, for a vote turned round is none that anybody gave.
    """
    return np.clip(np.log(table[:, SAME] / table[:, OPPOSITE]), 0.0, None)


def described(votes: Votes, *, heard: Votes, fit: consensus.Fit, weight: Floats) -> tuple[Annotator, ...]:
    """One Annotator for each name."""
    number = len(votes.names)
    everything = np.bincount(votes.annotators, minlength=number)
    shared = np.bincount(heard.annotators, minlength=number)
    right = fit.posterior[heard.pairs, heard.outcomes]  # (V,), the probability that a vote names the truth
    worth = per_annotator(heard.worth, heard.annotators, number)
    share = per_annotator(right * heard.worth, heard.annotators, number) / np.where(worth > 0, worth, 1.0)
    share = np.clip(share, 0.0, 1.0)
    known = known_votes(heard, right=right, share=share)
    return tuple(
        Annotator(
            name=name,
            votes=int(everything[j]),
            shared=int(shared[j]),
            reliability=float(share[j]) if worth[j] >= ENOUGH else None,
            interval=wilson(float(known[j] * share[j]), float(known[j])) if worth[j] >= ENOUGH else None,
            weight=float(weight[j]),
        )
        for j, name in enumerate(votes.names)
    )


def per_annotator(values: Floats, annotators: Whole, number: int) -> Floats:
    return np.asarray(np.bincount(annotators, weights=values, minlength=number), dtype=np.float64)


def known_votes(votes: Votes, *, right: Floats, share: Floats) -> Floats:
    """(J,): how many votes of known rightness theirs are worth: Σ v (1 - w(1-w) / r(1-r)), at least 1.

    v is a vote's worth, w (`right`) the probability that it is right, r the annotator's share of right ones. What is
    not known of r because w is neither 0 nor 1 is taken off (Louis, JRSS B 44(2), 1982), the truths of the pairs
    being independent.
    """
    spread = np.clip(share * (1 - share), 1e-9, None)
    lost = right * (1 - right) / spread[votes.annotators]
    return np.clip(per_annotator(votes.worth * (1 - lost), votes.annotators, share.size), 1.0, None)

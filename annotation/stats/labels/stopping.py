"""How many votes a task needs: asked until its consensus is sure, between a least and a greatest number.

`replay` shows on recorded votes what that would have cost and decided. It is honest in that nothing is used that the
rule would not have had: how far each annotator can be trusted is estimated, again and again, from the votes that
the rule has asked for until then, and whether to ask on for a task is decided by its own votes until then.
"""

from dataclasses import dataclass

import numpy as np

from annotation.stats import reliability
from annotation.stats.agreement.pairs import votes_of
from annotation.stats.consensus import NotConverged
from annotation.stats.labels.consensus_ranking import Trust, consensus_ranking, measured, unmeasured
from annotation.stats.said import UNRANKED, Flags, Floats, Said, Small, Whole

NEWS = 1.01  # times as many votes, before it is asked anew how far each annotator can be trusted


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Ask on from `minimum` to `maximum` judgements until the answer in front is the best with probability `sure`."""

    minimum: int
    maximum: int
    sure: float


@dataclass(frozen=True, kw_only=True)
class Replay:
    """`asked`: (N,), the judgements that the rule would have asked for. `lead`: (T, K), of each answer, what its
    consensus says for it: the probability that nothing is better; by a lead rule how many it beat less those that it
    lost to. NaN where nothing was said."""

    asked: Flags
    lead: Floats

    @property
    def judgements_a_task(self) -> float:
        return float(self.asked.sum() / max((~np.isnan(self.lead).all(axis=1)).sum(), 1))


def enough(*, voices: Whole, sureness: Floats, rule: Rule) -> Flags:
    """Of each task, whether it needs no more votes."""
    return np.asarray((voices >= rule.maximum) | ((voices >= rule.minimum) & (sureness >= rule.sure)))


def replay(said: Said, *, rule: Rule, method: str = "dawid-skene") -> Replay:
    """The rule on recorded judgements, which come to each task in their order here: in rounds, in each of which every
    task that is not sure gets one judgement more. Reliability is estimated anew once a hundredth was added, and
    before it is believed that nothing is to be asked any more."""
    turn = turns(said)
    depth = np.bincount(said.tasks, minlength=said.number_of_tasks)  # that were recorded
    wanted = np.minimum(depth, rule.minimum)
    known = 0
    while True:
        asked = turn < wanted[said.tasks]
        heard = said.only(asked)
        if len(heard) > known * NEWS:
            trust, known = trust_in(heard, method=method), len(heard)
        found = consensus_ranking(heard, trust=trust)
        sureness = np.zeros(said.number_of_tasks)
        sureness[found.tasks] = found.sureness
        unsure = ~enough(voices=wanted, sureness=sureness, rule=rule) & (wanted < depth)
        if unsure.any():
            wanted = wanted + unsure
        elif known < len(heard):
            known = 0
        else:
            break
    lead = np.full((said.number_of_tasks, said.ranks.shape[1]), np.nan)
    lead[found.tasks] = found.best
    return Replay(asked=asked, lead=lead)


def replay_lead(said: Said, *, lead: int, maximum: int) -> Replay:
    """The plain rule to compare with: ask until one answer of two leads by so many votes; `maximum` judgements at
    most. (Sheng, Provost and Ipeirotis, KDD 2008, ask everybody alike.)"""
    turn = turns(said)
    asked = np.zeros(len(said), dtype=bool)
    score = np.zeros((said.number_of_tasks, said.ranks.shape[1]))
    open_tasks = np.ones(said.number_of_tasks, dtype=bool)
    for number in range(min(int(turn.max(initial=-1)) + 1, maximum)):
        new = (turn == number) & open_tasks[said.tasks]
        asked |= new
        np.add.at(score, said.tasks[new], beaten(said.ranks[new]))
        open_tasks &= score.max(axis=1) < lead
    return Replay(asked=asked, lead=score)


def trust_in(said: Said, *, method: str) -> Trust:
    """What the judgements say of the annotators; of too few, that all are alike."""
    try:
        return measured(reliability.estimate(votes_of(said)[0], method=method))
    except (reliability.NothingShared, reliability.OnlyChance, NotConverged):
        return unmeasured(len(said.names))


def turns(said: Said) -> Whole:
    """(N,): which judgement of its task each one is, from 0, in the order in which they stand."""
    order = np.argsort(said.tasks, kind="stable")
    ordered = said.tasks[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    found = np.empty(len(said), dtype=np.int64)
    found[order] = np.arange(len(said)) - np.repeat(starts, np.diff(starts, append=len(said)))
    return found


def beaten(ranks: Small) -> Floats:
    """(N, K): of each answer, how many it stands before less how many it stands behind."""
    ranked = ranks != UNRANKED
    both = ranked[:, :, None] & ranked[:, None, :]
    return np.asarray((np.sign(ranks[:, None, :] - ranks[:, :, None]) * both).sum(axis=2), dtype=np.float64)

"""Whom to trust, and what the votes on each task say together."""

from dataclasses import dataclass

from annotation.actions.quality.gathering import Facts
from annotation.stats import reliability
from annotation.stats.agreement.pairs import PairCounts, votes_of
from annotation.stats.consensus import NotConverged
from annotation.stats.figures import Figure, not_enough
from annotation.stats.labels.consensus_ranking import Consensus, consensus_ranking, measured, unmeasured
from annotation.stats.reliability import ENOUGH, Annotator, Reliability
from annotation.stats.votes import Votes

METHOD = "dawid-skene"
NOBODY_NAMED = "the imported judgements do not name their people"


@dataclass(frozen=True, kw_only=True)
class Labels:
    """`votes` of the people who are named, on the pairs of `theirs`. `reliability`: None where votes do not tell one
    from another, which `missing` says why; then `consensus` trusts everybody alike."""

    votes: Votes
    theirs: PairCounts
    reliability: Reliability | None
    missing: str
    consensus: Consensus


def labels_of(facts: Facts) -> Labels:
    votes, theirs = votes_of(facts.by_named)
    found, missing = estimated(votes, nobody_named=not facts.named.any())
    trust = measured(found) if found else unmeasured(len(facts.said.names))
    consensus = consensus_ranking(facts.said, trust=trust)
    return Labels(votes=votes, theirs=theirs, reliability=found, missing=missing, consensus=consensus)


def estimated(votes: Votes, *, nobody_named: bool) -> tuple[Reliability | None, str]:
    if nobody_named:
        return None, NOBODY_NAMED
    if not votes.pairs.size:
        return None, "no judgement ranks two answers"
    try:
        return reliability.estimate(votes, method=METHOD), ""
    except (reliability.NothingShared, reliability.OnlyChance, NotConverged) as error:
        return None, str(error)


def reliability_of(annotator: Annotator) -> Figure:
    """The share of what they said on pairs that others judged, too, which says what is likely true."""
    if annotator.reliability is None or annotator.interval is None:
        return not_enough(n=annotator.shared, needed=ENOUGH, what="votes on shared pairs")
    low, high = annotator.interval
    return Figure(value=annotator.reliability, low=low, high=high, n=annotator.shared, what="votes on shared pairs")

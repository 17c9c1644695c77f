"""Who writes the better answers: strengths, of comparisons and of whole rankings, win rates, and who beats whom."""

from dataclasses import replace
from typing import Any

import numpy as np

from annotation.actions.quality.gathering import Facts
from annotation.stats.figures import Figure
from annotation.stats.said import UNRANKED, Flags, Whole
from annotation.stats.shares import grouped_shares, summed
from annotation.stats.strengths.bradley_terry import bradley_terry
from annotation.stats.strengths.fits import NoFit, NotComparable, Strengths
from annotation.stats.strengths.matches import Matches, matches_of
from annotation.stats.strengths.plackett_luce import plackett_luce
from annotation.stats.strengths.rates import length_controlled, win_rates

MOST = 50  # policies, those with most comparisons: of more there is no table to read
FEWEST = 3  # answers: of two a whole ranking says no more than their comparison
NO_RANKINGS = "no judgement ranks three answers or more, and all that its task has"
Json = dict[str, Any]
NONE: Json = {"ranked": [], "missing": NO_RANKINGS, "rankings": 0, "separated": False}


def policies_of(facts: Facts) -> Json:
    """The best first."""
    matches, names = counted(facts)
    if not matches.first.size:
        return {"ranked": [], "beats": [], "missing": "no answers of two policies were compared", "rankings": NONE}
    strengths, missing = fitted(matches)
    rates, controlled = win_rates(matches), controlled_of(matches)
    values = strengths.values if strengths else np.array([rate.value or 0.0 for rate in rates])
    order = np.argsort(-values, kind="stable").tolist()
    ranked = [
        {
            "name": names[p],
            "strength": (strengths.figures[p] if strengths else Figure(value=None, missing=missing)).as_dict(),
            "win_rate": rates[p].as_dict(),
            "length_controlled": controlled[p].as_dict(),
            "places": list(strengths.places[p]) if strengths and strengths.figures[p].value is not None else None,
        }
        for p in order
    ]
    return {
        "ranked": ranked,
        "beats": beats(matches, order=order, names=names),
        "missing": missing,
        "separated": strengths.separated if strengths else False,
        "rankings": of_rankings(facts, names=names),
    }


def of_rankings(facts: Facts, *, names: list[str]) -> Json:
    """Strengths of the same policies from whole rankings, the best first."""
    place = {name: index for index, name in enumerate(facts.answers.names)}
    chosen = [place[name] for name in names]
    whole = are_whole(facts) & (rivals(facts.answers.policies, chosen) > 1)[facts.said.tasks]
    writers, met = numbered(facts.answers.policies, chosen, tasks=facts.said.tasks[whole])
    if not met:
        return NONE
    prompts = np.unique(facts.answers.prompts, return_inverse=True)[1]
    try:
        found = plackett_luce(
            facts.said, policies=writers, size=len(met), weights=whole.astype(np.float64), clusters=prompts
        )
    except (NotComparable, NoFit) as error:
        return {"ranked": [], "missing": str(error), "rankings": int(whole.sum()), "separated": False}
    ranked = [
        {
            "name": names[met[p]],
            "strength": found.figures[p].as_dict(),
            "places": list(found.places[p]) if found.figures[p].value is not None else None,
        }
        for p in np.argsort(-found.values, kind="stable").tolist()
    ]
    return {"ranked": ranked, "missing": "", "rankings": int(whole.sum()), "separated": found.separated}


def are_whole(facts: Facts) -> Flags:
    """(N,): whether a judgement ranks three answers or more, and all that its task has."""
    ranked = (facts.said.ranks != UNRANKED).sum(axis=1)
    there = (facts.answers.policies >= 0).sum(axis=1)
    return np.asarray((ranked >= FEWEST) & (ranked == there[facts.said.tasks]))


def rivals(policies: Whole, chosen: list[int]) -> Whole:
    """(T,): how many of `chosen` wrote answers of each task. Where it is one, as with all answers by a policy to a
    prompt, their order says nothing of policies."""
    writers = np.sort(np.where(np.isin(policies, chosen), policies, -1), axis=1)
    return np.asarray((np.diff(writers, axis=1, prepend=-1) > 0).sum(axis=1))


def numbered(policies: Whole, chosen: list[int], *, tasks: Whole) -> tuple[Whole, list[int]]:
    """Who wrote the answers (T, K), numbered among those of `chosen` that stand in these tasks; -1 for all others.
    And which of `chosen` these are."""
    there = set(np.unique(policies[tasks]).tolist())
    met = [index for index, policy in enumerate(chosen) if policy in there]
    place = np.full(int(policies.max(initial=0)) + 2, -1)  # the last one is for nobody, who is -1
    place[[chosen[index] for index in met]] = np.arange(len(met))
    return place[policies], met


def counted(facts: Facts) -> tuple[Matches, list[str]]:
    """Of the policies that were compared most, renumbered, and their names. Tasks of one prompt hang together, as
    answers to it do."""
    answers = facts.answers
    found = matches_of(facts.said, policies=answers.policies, size=len(answers.names), lengths=answers.lengths)
    n = np.bincount(
        np.concatenate([found.first, found.second]), weights=np.tile(found.n, 2), minlength=len(answers.names)
    )
    most = [int(p) for p in np.argsort(-n, kind="stable")[:MOST] if n[p]]
    place = np.full(len(answers.names), -1)
    place[most] = np.arange(len(most))
    found = replace(found, clusters=np.unique(answers.prompts[found.clusters], return_inverse=True)[1])
    return among(found, place, size=len(most)), [answers.names[p] for p in most]


def among(found: Matches, place: Whole, *, size: int) -> Matches:
    kept = (place[found.first] >= 0) & (place[found.second] >= 0)
    return Matches(
        first=place[found.first[kept]],
        second=place[found.second[kept]],
        counts=found.counts[kept],
        clusters=found.clusters[kept],
        longer=found.longer[kept],
        size=size,
    )


def fitted(matches: Matches) -> tuple[Strengths | None, str]:
    try:
        return bradley_terry(matches), ""
    except (NotComparable, NoFit) as error:
        return None, str(error)


def controlled_of(matches: Matches) -> list[Figure]:
    try:
        return length_controlled(matches)
    except (NotComparable, NoFit) as error:
        return [Figure(value=None, missing=str(error), what="comparisons")] * matches.size


def beats(matches: Matches, *, order: list[int], names: list[str]) -> list[Json]:
    """Of each two that met: how often the one that stands first came off better, a tie being half."""
    place = np.argsort(order)
    ahead = place[matches.first] < place[matches.second]
    better = np.where(ahead, matches.first, matches.second)
    worse = np.where(ahead, matches.second, matches.first)
    score = np.where(ahead, matches.score, matches.n - matches.score)
    number = int(matches.clusters.max(initial=0)) + 1
    pairs = place[better] * matches.size + place[worse]
    keys, cells = np.unique(pairs * number + matches.clusters, return_inverse=True)
    right, n = summed(cells, score, size=keys.size), summed(cells, matches.n, size=keys.size)
    figures = grouped_shares(right, n, keys // number, number=matches.size**2, what="comparisons", unit="prompts")
    return [
        {"a": names[order[pair // matches.size]], "b": names[order[pair % matches.size]], **figures[pair].as_dict()}
        for pair in np.unique(pairs).tolist()
    ]

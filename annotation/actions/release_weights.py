"""What each judgement of a release counts: everybody's the same, or by how reliable its annotator is.

Reliability is estimated from the rows of the release alone, in their order, so the same judgements give the same
weights, and with them the same hash, wherever they are exported.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from annotation.exceptions import Unweighable
from annotation.formats.hashing import content_hash
from annotation.formats.release_rows import Record, pairs_of
from annotation.stats import reliability
from annotation.stats.consensus import NotConverged
from annotation.stats.reliability import Annotator, Reliability
from annotation.stats.votes import LEFT, RIGHT, TIE, Votes, of_lists

EQUAL = "none"
METHODS = (EQUAL, *reliability.METHODS)
# Raise it with every change that gives the same judgements other weights.
VERSION = 2
# The last bits of a logarithm differ between processors; weights are hashed.
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """`weights` by annotator, 1 on average over the judgements they were made from; `manifest` says where they come
    from."""

    weights: dict[str, float]
    manifest: dict[str, Any]

    def weighed(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            yield record | {"judgements": [self.with_weight(judgement) for judgement in record["judgements"]]}

    def with_weight(self, judgement: Record) -> Record:
        return judgement | {"weight": self.weights[judgement["annotator"]]}


def weighing(records: Iterable[Record], *, method: str) -> Weighing:
    """Weights for the judgements of these rows.

    Raises:
        Unweighable: too little overlap or agreement to tell one annotator from another.
    """
    said: dict[str, int] = {}
    votes = votes_of(counted_by_annotator(records, said))
    found = estimated(votes, method=method)
    weight_of = {str(annotator.name): annotator.weight for annotator in found.annotators}
    weights = scaled({name: weight_of.get(name, found.newcomer) for name in said}, said=said)
    return Weighing(weights=weights, manifest=described(found, weights=weights))


def counted_by_annotator(records: Iterable[Record], said: dict[str, int]) -> Iterator[Record]:
    """The rows as they come; `said` fills with the number of judgements of each annotator."""
    for record in records:
        for judgement in record["judgements"]:
            said[judgement["annotator"]] = said.get(judgement["annotator"], 0) + 1
        yield record


def votes_of(records: Iterable[Record]) -> Votes | None:
    """A vote for each pair that a judgement ranks; None if there is none. Two texts under one prompt are one pair in
    whichever row they stand, and the text with the smaller hash is its left side."""
    pairs: list[int] = []
    annotators: list[str] = []
    outcomes: list[int] = []
    worth: list[float] = []
    for record in records:
        texts = [content_hash(response["text"]) for response in record["responses"]]
        prompt = content_hash(record["prompt"])
        for judgement in record["judgements"]:
            ranked = sum(len(group) for group in judgement["ranking"])
            for pair in pairs_of(judgement["ranking"]):
                better, worse = texts[pair.better], texts[pair.worse]
                pairs.append(int(content_hash([prompt, *sorted((better, worse))])[:16], 16))
                annotators.append(judgement["annotator"])
                outcomes.append(TIE if pair.tie else LEFT if better < worse else RIGHT)
                worth.append(2 / ranked)
    return of_lists(pairs=pairs, annotators=annotators, outcomes=outcomes, worth=worth) if pairs else None


def estimated(votes: Votes | None, *, method: str, instead: str = f"--weights {EQUAL}") -> Reliability:
    """
    Raises:
        Unweighable: too little overlap or agreement; the sentence says what to export with `instead`.
    """
    try:
        if votes is None:
            raise reliability.NothingShared("no judgement ranks two answers, so nobody can be compared with anybody")
        return reliability.estimate(votes, method=method)
    except (reliability.NothingShared, reliability.OnlyChance, NotConverged) as error:
        raise Unweighable(
            f"Judgements cannot be weighed by {method}: {error}. Let more people judge the same tasks, or export "
            f"with {instead}."
        ) from error


def scaled(weights: dict[str, float], *, said: dict[str, int]) -> dict[str, float]:
    """The weights, times what makes them 1 on average over all judgements."""
    mean = sum(weights[name] * times for name, times in said.items()) / sum(said.values())
    return {name: round(weight / mean, DIGITS) for name, weight in weights.items()}


def described(found: Reliability, *, weights: dict[str, float]) -> dict[str, Any]:
    return {
        "method": found.method,
        "version": VERSION,
        "prior_votes": found.prior_votes,
        "steps": found.steps,
        "annotators": {
            str(annotator.name): described_annotator(annotator, weight=weights[str(annotator.name)])
            for annotator in sorted(found.annotators, key=lambda annotator: str(annotator.name))
        },
    }


def described_annotator(annotator: Annotator, *, weight: float) -> dict[str, Any]:
    """Too few shared comparisons: no reliability, and no interval."""
    interval = annotator.interval
    return {
        "comparisons": annotator.votes,
        "shared": annotator.shared,
        "reliability": None if annotator.reliability is None else round(annotator.reliability, DIGITS),
        "interval": interval and [round(interval.low, DIGITS), round(interval.high, DIGITS)],
        "weight": weight,
    }

"""What reward modelling and DPO share: a release's comparisons as tokens, and the report on the held-out ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from training.exceptions import InvalidRelease, RunFailed
from training.ml import ranking
from training.ml.data import groups, pairs
from training.ml.data.batches import Item
from training.ml.data.conversations import Encoder, Tokens
from training.ml.data.pairs import Pair, Pairs
from training.ml.knobs import RankingKnobs
from training.ml.ranking import Plan
from training.ml.reporting import (
    calibration,
    ceiling,
    collapse,
    correlation,
    curves,
    evaluation,
    reports,
    slices,
    splits,
)
from training.ml.run import loop, throughput
from training.ml.run.jobs import Job
from training.ml.run.rundir import write_json


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    pair: Pair
    chosen: Tokens
    rejected: Tokens


class Scores(NamedTuple):
    """Of a pair's two answers."""

    chosen: float
    rejected: float


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """The pairs of both splits, and those of them that fit the context; some training pairs to score at the end."""

    all: Pairs
    train: list[TokenPair]
    held_out: list[TokenPair]
    train_sample: list[TokenPair]


@dataclass(frozen=True, kw_only=True)
class Rankings:
    """The strict pairs of both splits; the prompts to train on with all that was said of them; the held-out pairs,
    and some training pairs to score beside them."""

    all: Pairs
    train: list[Item]
    held_out: list[TokenPair]
    train_sample: list[TokenPair]


def rankings_of(job: Job[Any], knobs: RankingKnobs) -> Rankings:
    """
    Raises:
        InvalidRelease: no strict pair to train on, or no two answers that fit.
    """
    found = pairs.of_release(job.release)
    train = groups.of_rows(row for row in job.release.rows if row.split == "train")
    items = ranking.encode(job, train, knobs=knobs)
    if not items:
        raise InvalidRelease(nothing_left(job, pairs=len(found.train)))
    return Rankings(
        all=found,
        train=items,
        held_out=encode(found.held_out, encoder=job.encoder),
        train_sample=encode(sample_of(job, found), encoder=uncounted(job.encoder)),
    )


def sample_of(job: Job[Any], found: Pairs) -> list[Pair]:
    return splits.sample(found.train, seed=job.config.seed)


def uncounted(encoder: Encoder) -> Encoder:
    """One that encodes in the same way, for texts whose lengths are in the report already."""
    return Encoder(encoder.tokenizer, max_length=encoder.max_length, overlong=encoder.overlong)


def nothing_left(job: Job[Any], *, pairs: int) -> str:
    if not job.encoder.lengths.dropped:
        return f"of the {pairs} training pairs each has its opposite, and ties=drop: say labels=votes, or ties=half"
    return (
        f"all {pairs} training pairs are over {job.encoder.max_length} tokens: raise max_length (and, for the base "
        "tiny, tiny_context)"
    )


def of_job(job: Job[Any]) -> Preferences:
    """
    Raises:
        InvalidRelease: no strict pair to train on, or none that fits.
    """
    found = pairs.of_release(job.release)
    train = encode(found.train, encoder=job.encoder)
    if not train:
        raise InvalidRelease(nothing_left(job, pairs=len(found.train)))
    return Preferences(
        all=found,
        train=train,
        held_out=encode(found.held_out, encoder=job.encoder),
        train_sample=encode(sample_of(job, found), encoder=uncounted(job.encoder)),
    )


def encode(found: Sequence[Pair], *, encoder: Encoder) -> list[TokenPair]:
    """Each response is encoded and counted once, whatever pairs it stands in; a pair goes if one of its two does."""
    known: dict[tuple[str, str], Tokens | None] = {}

    def tokens(pair: Pair, answer: str) -> Tokens | None:
        key = (pair.prompt_id, answer)
        if key not in known:
            known[key] = encoder.encode(pair.messages, answer)
        return known[key]

    kept = []
    for pair in found:
        chosen, rejected = tokens(pair, pair.chosen), tokens(pair, pair.rejected)
        if chosen is not None and rejected is not None:
            kept.append(TokenPair(pair=pair, chosen=chosen, rejected=rejected))
    return kept


def held_out(preferences: Preferences | Rankings, *, scores: Sequence[Scores], seed: int) -> dict[str, Any]:
    """The `held_out` part of a report."""
    found = [example.pair for example in preferences.held_out]
    margins = [score.chosen - score.rejected for score in scores]
    whole = evaluation.held_out(
        found,
        margins=margins,
        train=preferences.all.train,
        ties=preferences.all.held_out_ties,
        seed=seed,
    )
    return whole | {
        "collapsed": collapse.collapsed(scores),
        "slices": slices.accuracies(found, evaluation.outcomes_of(found, margins=margins), seed=seed),
        "human_ceiling": ceiling.agreement(found, seed=seed),
        "calibration": calibration.reliability(margins),
        "length": correlation.with_length(found, scores),
    }


def both_splits(
    preferences: Preferences | Rankings, *, test: dict[str, Any], train_scores: Sequence[Scores], seed: int
) -> dict[str, Any]:
    """The `splits` part of a report; `test`: the accuracy on the held-out pairs."""
    return splits.accuracies(
        held_out=test,
        sampled=[example.pair for example in preferences.train_sample],
        margins=[score.chosen - score.rejected for score in train_scores],
        of=len(preferences.all.train),
        seed=seed,
    )


def check_finite(scores: Sequence[Scores]) -> None:
    """
    Raises:
        RunFailed: a score is no number, and so are the weights.
    """
    broken = sum(not (math.isfinite(score.chosen) and math.isfinite(score.rejected)) for score in scores)
    if broken:
        raise RunFailed(
            f"the trained model's scores of {broken} of {len(scores)} pairs are no number: lower the learning rate "
            "(--set learning_rate=…) and train again"
        )


def idle_knobs(knobs: RankingKnobs, found: Pairs) -> list[str]:
    """What was asked for and could change nothing."""
    if knobs.margin == "strength" and not any(pair.strength for pair in found.train):
        return ["margin=strength changed nothing: no judgement of the train split has a strength"]
    return []


def report(
    job: Job[Any],
    *,
    what: str,
    preferences: Preferences | Rankings,
    scores: Sequence[Scores],
    train_scores: Sequence[Scores],
    trainer: Any,
    train: Any,
    plan: Plan | None = None,
    more: dict[str, Any] | None = None,
    zero: float = 0.0,
) -> None:
    """Write report.json.

    `scores`: of each held-out pair; `train_scores`: of each pair of the sample; `more`: what else is known of the
    held-out ones; `zero`: what was taken off all scores to centre them.

    Raises:
        RunFailed: a score is no number.
    """
    check_finite([*scores, *train_scores])
    found = held_out(preferences, scores=scores, seed=job.config.seed) | (more or {})
    found["collapsed"] = collapse.collapsed([*scores, *train_scores], zero=zero)
    both = both_splits(preferences, test=found["accuracy"], train_scores=train_scores, seed=job.config.seed)
    data = {
        "release_hash": job.release.hash,
        "train_pairs": len(preferences.all.train),
        "train_ties": preferences.all.train_ties,
        "held_out_pairs": len(preferences.all.held_out),
        **job.encoder.lengths.as_dict(),
    }
    assembled = reports.assemble(
        config=job.config,
        headline=reports.accuracy_headline(what, found),
        warnings=[
            *job.base.warnings,
            *reports.length_warnings(data),
            *idle_knobs(job.knobs, preferences.all),
            *(plan.warnings() if plan else []),
            *reports.accuracy_warnings(found),
            *reports.trust_warnings(found),
            *reports.overfitting_warnings(both),
        ],
        base=job.base.describe(),
        resolved=loop.resolved(trainer, job, **(plan.resolved() if plan else {})),
        held_out=found,
        splits=both,
        curve=curves.losses(job.directory.read_metrics()),
        train=train,
        data=data,
        **({"batches": plan.describe()} if plan else {}),
    )
    if plan:
        throughput.note(job.directory, {"padding_share": plan.describe()["padding_share"]})
    write_json(job.directory.report, assembled)

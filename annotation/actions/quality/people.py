"""A row for each annotator who has a name: volume, pace, agreement, known answers, reliability, and what is to do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db.models import Count

from annotation.actions.known_answers import SET
from annotation.actions.quality import checks
from annotation.actions.quality.checks import Check
from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.habits import Habits, by_week, pace, turned
from annotation.actions.quality.labels import Labels, reliability_of
from annotation.actions.reviews import READ
from annotation.models import AnnotatorMeasure, Measurement, Project, Skip
from annotation.stats.figures import Figure, not_enough
from annotation.stats.medians import median, medians_by
from annotation.stats.pace import FAST, MINIMUM_TIMES
from annotation.stats.people.suggestions import Record, suggestion
from annotation.stats.said import Flags, Floats, Said, Whole
from annotation.stats.shares import grouped_shares

RECENT = 50  # judgements: what they do now, against all before
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Agreement with others of each annotator: in all, in their last judgements, and before."""

    whole: list[Figure]
    recent: list[Figure]
    before: list[Figure]
    is_recent: Flags


def measures(measurement: Measurement, facts: Facts, *, labels: Labels, habits: Habits) -> list[AnnotatorMeasure]:
    """One for each who is named and has judged something."""
    people = np.flatnonzero(facts.named & (np.bincount(facts.said.annotators, minlength=facts.named.size) > 0))
    compared, biased = comparison(habits), bias_of_each(habits)
    paces = pace_of_each(facts.said)
    known, repeats = checks.by_annotator(facts.known), checks.by_annotator(facts.repeats)
    skips = skips_of(facts.project)
    rows = []
    for person in people.tolist():
        key = int(facts.annotator_ids[person])
        content = {
            **volume(facts.said, person),
            "pace": paces[person],
            "agreement": compared.whole[person].as_dict(),
            "known": checks.share(known[key]).as_dict(),
            "repeats": checks.share(repeats[key]).as_dict(),
            **trust_in(labels, person),
            **biased[person],
            **recent_and_before(facts, person, compared=compared, known=known[key]),
            "drift": {"pace_by_week": weeks_of(facts.said, person)},
            "skips": skips.get(key, 0),
        }
        content["suggestion"] = suggested(content, habits=habits)
        rows.append(row(measurement, key=key, content=content))
    return rows


def row(measurement: Measurement, *, key: int, content: Json) -> AnnotatorMeasure:
    return AnnotatorMeasure(
        measurement=measurement,
        annotator_id=key,
        judgements=content["judgements"],
        agreement=content["agreement"]["value"],
        reliability=content["reliability"]["value"],
        known=content["known"]["value"],
        suggestion=content["suggestion"]["code"],
        content=content,
    )


def volume(said: Said, person: int) -> Json:
    at = said.at[said.annotators == person]
    known = at[~np.isnan(at)]
    first, last = (known.min(), known.max()) if known.size else (None, None)
    return {"judgements": int(at.size), "first": iso(first), "last": iso(last)}


def iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def comparison(habits: Habits) -> Compared:
    said, scores = habits.facts.said, habits.peers
    number = len(said.names)
    recent = is_recent(said)
    parts = (replace(scores, right=scores.right * kept, n=scores.n * kept) for kept in (recent, ~recent))
    newer, older = (part.by(said.annotators, number=number) for part in parts)
    return Compared(whole=scores.by(said.annotators, number=number), recent=newer, before=older, is_recent=recent)


def is_recent(said: Said) -> Flags:
    """Each annotator's last judgements by when they were given, those of unknown time before all others in the order
    in which they came."""
    newest = np.argsort(np.where(np.isnan(said.at), -np.inf, said.at), kind="stable")[::-1]
    order = newest[np.argsort(said.annotators[newest], kind="stable")]
    people = said.annotators[order]
    starts = np.flatnonzero(np.diff(people, prepend=-1))
    turn = np.arange(people.size) - np.repeat(starts, np.diff(starts, append=people.size))
    found = np.zeros(people.size, dtype=np.bool_)
    found[order] = turn < RECENT
    return found


def pace_of_each(said: Said) -> list[Json]:
    """The median of each annotator's times, and how often they take less than a fifth of what is usual."""
    timed = ~np.isnan(said.seconds)
    people, times = said.annotators[timed], said.seconds[timed]
    number = len(said.names)
    medians, fast = medians_by(times, people, number=number), fast_of_each(times, people, number=number)
    return [{**pace(medians[j]), "fast": fast[j].as_dict()} for j in range(number)]


def fast_of_each(times: Floats, people: Whole, *, number: int) -> list[Figure]:
    if times.size < MINIMUM_TIMES:
        return [not_enough(n=int(times.size), needed=MINIMUM_TIMES, what="times")] * number
    fast = (times < FAST * np.median(times)).astype(np.float64)
    return grouped_shares(fast, np.ones_like(fast), people, number=number, what="judgements", unit="judgements")


def trust_in(labels: Labels, person: int) -> Json:
    if labels.reliability is None:
        return {"reliability": Figure(value=None, missing=labels.missing).as_dict(), "weight": None}
    annotator = labels.reliability.annotators[person]
    return {"reliability": reliability_of(annotator).as_dict(), "weight": annotator.weight}


def recent_and_before(facts: Facts, person: int, *, compared: Compared, known: list[Check]) -> Json:
    said, theirs = facts.said, facts.said.annotators == person
    lately = is_lately(facts, theirs & compared.is_recent)
    return {
        "recent": {
            "agreement": compared.recent[person].as_dict(),
            "known": checks.share(check for check in known if lately(check)).as_dict(),
            "pace": pace(median(said.seconds[theirs & compared.is_recent])),
        },
        "before": {
            "agreement": compared.before[person].as_dict(),
            "known": checks.share(check for check in known if not lately(check)).as_dict(),
            "pace": pace(median(said.seconds[theirs & ~compared.is_recent])),
        },
    }


def is_lately(facts: Facts, recent: Flags) -> Callable[[Check], bool]:
    """Whether a check was judged since the first of these judgements; by the order of their keys where that has no
    time."""
    at, first = facts.said.at[recent], int(facts.keys[recent].min())
    if np.isnan(at).any():
        return lambda check: check.key >= first
    return lambda check: check.at >= at.min()


def bias_of_each(habits: Habits) -> list[Json]:
    said, number = habits.facts.said, len(habits.facts.said.names)
    position, length, rubric = (
        scores.by(said.annotators, number=number) for scores in (habits.position, habits.length, habits.whole_rubric)
    )
    circles = habits.triads.by_annotator(number)
    return [
        {
            "bias": {"position": position[person].as_dict(), "length": length[person].as_dict()},
            "transitivity": turned(circles[person]).as_dict(),
            "rubric": rubric[person].as_dict(),
        }
        for person in range(number)
    ]


def weeks_of(said: Said, person: int) -> list[Json]:
    theirs = said.annotators == person
    return by_week(said.at[theirs], said.seconds[theirs])


def suggested(content: Json, *, habits: Habits) -> Json:
    record = Record(
        judgements=content["judgements"],
        agreement=Figure(**content["agreement"]),
        everybody=habits.peers_of_all,
        known=Figure(**content["known"]),
        repeats=Figure(**content["repeats"]),
        fast=Figure(**content["pace"]["fast"]),
        position=Figure(**content["bias"]["position"]),
        length=Figure(**content["bias"]["length"]),
        everybodys_length=habits.length_of_all,
        recent=Figure(**content["recent"]["agreement"]),
        before=Figure(**content["before"]["agreement"]),
    )
    found = suggestion(record)
    return {"code": found.code, "reasons": found.reasons}


def skips_of(project: Project) -> dict[int, int]:
    """Without what they gave back as the price of reviewing."""
    skips = Skip.objects.filter(task__project=project).exclude(reason__in=[READ, SET]).order_by()
    return dict(skips.values_list("annotator").annotate(Count("pk")))

"""Parts of a project beside each other: versions of the guidelines, and tags."""

from typing import Any

import numpy as np

from annotation.actions.quality import checks
from annotation.actions.quality.gathering import Facts
from annotation.actions.quality.habits import pace
from annotation.stats.agreement.alpha import alpha_of_pairs
from annotation.stats.agreement.pairs import PairCounts, agreement, pair_counts
from annotation.stats.medians import median_of_people
from annotation.stats.said import Flags, Whole

MOST_TAGS = 50
Json = dict[str, Any]


def guidelines(facts: Facts) -> list[Json]:
    """What was said under each version, with what others said under the same one."""
    versions = np.unique(facts.said.guidelines)
    return [of_version(facts, int(version)) for version in versions if version]


def of_version(facts: Facts, version: int) -> Json:
    said = facts.said.only(facts.said.guidelines == version)
    counts = pair_counts(said)
    known = (check for check in facts.known if check.guideline == version)
    return {
        "version": version,
        "judgements": len(said),
        "pairs": agreement(counts).as_dict(),
        "alpha": alpha_of_pairs(counts).as_dict(),
        "known": checks.share(known).as_dict(),
        "seconds": pace(median_of_people(said.seconds, said.annotators)),
    }


def slices(facts: Facts) -> list[Json]:
    """By tag, those with most tasks."""
    most = sorted(facts.tags, key=lambda tag: (-facts.tags[tag].size, tag))[:MOST_TAGS]
    return [of_tag(facts, tag, tasks=facts.tags[tag]) for tag in most]


def of_tag(facts: Facts, tag: str, *, tasks: Whole) -> Json:
    inside = np.zeros(facts.said.number_of_tasks, dtype=np.bool_)
    inside[tasks] = True
    counts = within(facts.counts, inside)
    said = inside[facts.said.tasks]
    known = (check for check in facts.known if tag in check.tags)
    return {
        "tag": tag,
        "judgements": int(said.sum()),
        "tasks": int(tasks.size),
        "pairs": agreement(counts).as_dict(),
        "alpha": alpha_of_pairs(counts).as_dict(),
        "known": checks.share(known).as_dict(),
        "seconds": pace(median_of_people(facts.said.seconds[said], facts.said.annotators[said])),
    }


def within(counts: PairCounts, tasks: Flags) -> PairCounts:
    kept = tasks[counts.tasks]
    return PairCounts(
        tasks=counts.tasks[kept], first=counts.first[kept], second=counts.second[kept], counts=counts.counts[kept]
    )

"""What the votes on each row of a release say together: the likeliest ranking, and the odds of each of its pairs.

Everything comes from the rows of the release alone, in their order, and is rounded, so that the same judgements give
the same labels, and with them the same hash, wherever they are exported.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.actions import release_weights
from annotation.actions.release_weights import DIGITS
from annotation.formats.release_rows import Record
from annotation.stats.labels.consensus_ranking import Consensus, consensus_ranking, measured
from annotation.stats.reliability import Reliability
from annotation.stats.said import Said, ranks_of

VOTES, CONSENSUS = "votes", "consensus"
LABELS = (VOTES, CONSENSUS)
METHOD = "dawid-skene"  # where judgements are not weighed by another one
# Raise it with every change that gives the same judgements other labels.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """`rows`: by the row's number among all, its row in the consensus. `manifest` says where the labels come from."""

    consensus: Consensus
    rows: dict[int, int]
    manifest: dict[str, Any]

    def labelled(self, records: Iterable[Record]) -> Iterator[Record]:
        """None on a row of which nobody compared two answers."""
        for number, record in enumerate(records):
            row = self.rows.get(number)
            yield record | {"consensus": None if row is None else described(self.consensus, row)}


def labelling(records: Iterable[Record], *, method: str = METHOD) -> Labelling:
    """Labels for these rows.

    Raises:
        Unweighable: too little overlap or agreement to tell one annotator from another.
    """
    kept = Judged()
    votes = release_weights.votes_of(kept.passed(records))
    found = release_weights.estimated(votes, method=method, instead=f"--labels {VOTES}")
    consensus = consensus_ranking(kept.said(found), trust=measured(found))
    rows = {int(task): row for row, task in enumerate(consensus.tasks)}
    return Labelling(consensus=consensus, rows=rows, manifest=summary(found, consensus))


class Judged:
    """Rankings of two answers or more, as the rows go by."""

    def __init__(self) -> None:
        self.rows = 0
        self.tasks: list[int] = []
        self.annotators: list[str] = []
        self.rankings: list[list[list[int]]] = []

    def passed(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            for judgement in record["judgements"]:
                if sum(map(len, judgement["ranking"])) > 1:
                    self.tasks.append(self.rows)
                    self.annotators.append(judgement["annotator"])
                    self.rankings.append(judgement["ranking"])
            self.rows += 1
            yield record

    def said(self, found: Reliability) -> Said:
        """With annotators as the estimate numbers them."""
        names = tuple(str(annotator.name) for annotator in found.annotators)
        place = {name: index for index, name in enumerate(names)}
        number, unknown = len(self.tasks), np.full(len(self.tasks), np.nan)
        size = 1 + max(position for ranking in self.rankings for group in ranking for position in group)
        return Said(
            tasks=np.array(self.tasks, dtype=np.int64),
            annotators=np.array([place[name] for name in self.annotators], dtype=np.int64),
            ranks=ranks_of(self.rankings, size=size),
            at=unknown,
            seconds=unknown,
            shown=np.full((number, size), -1, dtype=np.int8),
            guidelines=np.zeros(number, dtype=np.int64),
            names=names,
            task_ids=np.arange(self.rows),
        )


def described(consensus: Consensus, row: int) -> dict[str, Any]:
    return {
        "ranking": consensus.ranking(row),
        "pairs": [
            {name: value if name in "ab" else round(value, DIGITS) for name, value in pair.items()}
            for pair in consensus.pairs_of(row)
        ],
        "sureness": round(float(consensus.sureness[row]), DIGITS),
        "judgements": int(consensus.voices[row]),
    }


def summary(found: Reliability, consensus: Consensus) -> dict[str, Any]:
    return {
        "kind": CONSENSUS,
        "method": found.method,
        "version": VERSION,
        "prior_votes": found.prior_votes,
        "rows": len(consensus),
        "sureness": round(float(consensus.sureness.mean()), DIGITS),
    }

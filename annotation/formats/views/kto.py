"""Single answers with a thumb up or down, as TRL's KTO trainer reads them.

Each judgement speaks for itself. Where it says which answers are acceptable, those are desirable and the other ranked
ones are not. Else, of at least two tie groups, the best is desirable, the worst is not, and what lies between is left
out.
"""

from collections.abc import Iterable, Iterator

from annotation.exceptions import EmptyRelease
from annotation.formats.manifest import Manifest
from annotation.formats.release_rows import Record
from annotation.formats.views.view import LeftOut, View, answer, json_line

BETWEEN = "answers left out: neither acceptable nor refused, neither best nor worst"
CLASS_NAMES = {True: "desirable", False: "undesirable"}


def lines(records: Iterable[Record], _manifest: Manifest, left_out: LeftOut) -> Iterator[str]:
    """
    Raises:
        EmptyRelease: all labels are the same, so that there is nothing to tell apart.
    """
    seen = {True: 0, False: 0}
    for record in records:
        for judgement in record["judgements"]:
            labels = labels_of(judgement)
            left_out[BETWEEN] += len(record["responses"]) - len(labels)
            for position, label in sorted(labels.items()):
                seen[label] += 1
                yield json_line(
                    {
                        "prompt": record["prompt"],
                        "completion": answer(record["responses"][position]["text"]),
                        "label": label,
                        "split": record["split"],
                    }
                )
    if sum(seen.values()) and not all(seen.values()):
        only = max(seen, key=lambda label: seen[label])
        raise EmptyRelease(
            f"The kto view needs desirable and undesirable answers; this release has {seen[only]} "
            f"{CLASS_NAMES[only]} and no {CLASS_NAMES[not only]} ones. Release judgements that tell answers apart."
        )


def labels_of(judgement: Record) -> dict[int, bool]:
    """Position to desirable or not; positions about which the judgement says neither are missing."""
    ranking, acceptable = judgement["ranking"], judgement["acceptable"]
    if acceptable is not None:
        refused = {position: False for group in ranking for position in group}
        return refused | dict.fromkeys(acceptable, True)
    if len(ranking) < 2:
        return {}
    return dict.fromkeys(ranking[0], True) | dict.fromkeys(ranking[-1], False)


KTO = View(
    "kto",
    ".jsonl",
    "answers with a label: acceptable or not where that was asked, else best and worst of a ranking",
    lines,
    needs="an acceptability mark or a ranking with a best and a worst answer",
)

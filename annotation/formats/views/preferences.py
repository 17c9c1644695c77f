"""Preference pairs as TRL's reward and DPO trainers read them: prompt, chosen and rejected as messages."""

from collections.abc import Iterable, Iterator

from annotation.formats.manifest import Manifest
from annotation.formats.release_rows import Record, pairs_of
from annotation.formats.views.view import LeftOut, View, answer, json_line

TIES = "ties left out: a preference pair has a better and a worse answer"


def lines(records: Iterable[Record], manifest: Manifest, left_out: LeftOut) -> Iterator[str]:
    """One line for each strict pair of each judgement. If any pair of the release has a strength, every line has a
    margin (the strength, 0 where none was said), because a trainer wants the column whole."""
    margins = manifest["counts"]["comparisons"]["with_strength"] > 0
    for record in records:
        for judgement in record["judgements"]:
            margin = {"margin": float(judgement["strength"] or 0)} if margins else {}
            for pair in pairs_of(judgement["ranking"]):
                if pair.tie:
                    left_out[TIES] += 1
                    continue
                yield json_line(
                    {
                        "prompt": record["prompt"],
                        "chosen": answer(record["responses"][pair.better]["text"]),
                        "rejected": answer(record["responses"][pair.worse]["text"]),
                        "split": record["split"],
                        **margin,
                    }
                )


TRL = View(
    "trl",
    ".jsonl",
    "strict pairs as prompt, chosen, rejected messages (and margin, where strength was asked)",
    lines,
    needs="a pair with a better and a worse answer",
)

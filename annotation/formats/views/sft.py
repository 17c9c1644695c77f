"""Conversations to imitate, as TRL's SFT trainer reads them: messages that end in the answer.

A row gives, in this order of preference: the answer that people wrote, if nobody judged it; every answer that an
annotator wrote or edited; else one answer, the one that most judgements rank in their first of at least two tie
groups, provided that more than half of the judgements do, and that more than half of those that speak of
acceptability accept it. Equal counts go to the smaller hash of the text. A conversation that is there already is
left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from annotation.formats.hashing import content_hash
from annotation.formats.manifest import Manifest
from annotation.formats.release_rows import Record
from annotation.formats.views.view import LeftOut, View, answer, json_line

UNDECIDED = "rows left out: no answer is first and acceptable for more than half of the judgements"
REPEATED = "conversations left out: the same prompt and answer is there already"


def lines(records: Iterable[Record], _manifest: Manifest, left_out: LeftOut) -> Iterator[str]:
    written: set[int] = set()  # 8 bytes of each conversation's hash
    for record in records:
        texts = answers_of(record)
        left_out[UNDECIDED] += int(not texts)
        for text in texts:
            messages = [*record["prompt"], *answer(text)]
            identity = int(content_hash(messages)[:16], 16)
            if identity in written:
                left_out[REPEATED] += 1
                continue
            written.add(identity)
            yield json_line({"messages": messages, "split": record["split"]})


def answers_of(record: Record) -> list[str]:
    responses, judgements = record["responses"], record["judgements"]
    if not judgements:
        return [response["text"] for response in responses]
    return [text for judgement in judgements for text in own_words(judgement)] or best_of(record)


def own_words(judgement: Record) -> list[str]:
    """What the annotator wrote where there was no answer, or made of one."""
    written = [judgement["written"]] if judgement["written"] else []
    return written + [text for _, text in sorted(judgement["edited"].items())]


def best_of(record: Record) -> list[str]:
    """The one answer that the judgements agree on, or none."""
    texts = [response["text"] for response in record["responses"]]
    judgements = record["judgements"]
    firsts: Counter[int] = Counter()
    accepted: Counter[int] = Counter()
    for judgement in judgements:
        firsts.update(judgement["ranking"][0] if len(judgement["ranking"]) > 1 else [])
        accepted.update(judgement["acceptable"] or [])
    asked = sum(judgement["acceptable"] is not None for judgement in judgements)
    agreed = [
        position
        for position, times in firsts.items()
        if 2 * times > len(judgements) and (not asked or 2 * accepted[position] > asked)
    ]
    best = sorted(agreed, key=lambda position: (-firsts[position], content_hash(texts[position])))
    return [texts[position] for position in best[:1]]


SFT = View(
    "sft",
    ".jsonl",
    "messages: answers that people wrote or edited, else the agreed best of each row",
    lines,
    needs="an answer that people wrote, edited or agreed to be best",
)

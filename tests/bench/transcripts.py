"""The other desk of the benchmark of policies: dialogues with assistants, of which people preferred one ending.

HH's harmless-base test set (2204.05862), those whose prompt and answers are short. A tiny base learns to answer from
the preferred endings; half of the dialogues is what policies and their reward model learn from, the other half what
the held-out reward model does, which is an encoder that was trained elsewhere. The policies' own reward model is the
tiny base's, or such an encoder as well.
"""

import gzip
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from annotation.exceptions import InvalidRow
from annotation.formats import hh
from annotation.formats.rows import Row
from tests.bench.bench_arguments import minilm
from tests.bench.ostrel import by_policy, written
from tests.bench.works import OTHER_SEED, Desk, Message, Works
from tests.training.releases import judgement, row
from training.ml.run.rundir import ReleaseReference

FILE = Path(__file__).parents[3] / "shared" / "data" / "hh-rlhf-harmless" / "test.jsonl.gz"
LONGEST = 500  # characters of a prompt, and of an answer
COURSE, FINAL = 48, 96  # dialogues: those measured on while a policy learns, and those of the table
LENGTH = {"max_length": "256"}
SFT = LENGTH | {"epochs": "3", "tiny_vocab": "2048", "tiny_context": "256", "batch_size": "8"}
REWARD = LENGTH | {"epochs": "2"}
ENCODER = LENGTH | {"epochs": "1", "lora": "false", "learning_rate": "1e-4"}
DPO = LENGTH | {"lora": "false", "learning_rate": "1e-4", "epochs": "1.5", "batch_size": "2"}
ANSWERS = LENGTH | {"max_new_tokens": "64"}


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """`endings`: the preferred one first."""

    id: str
    messages: list[Message]
    endings: tuple[str, str]


def desk(works: Works, *, encoder: bool = False) -> Desk:
    """`encoder`: the policies' own reward model is such an encoder, too."""
    ours, others, course, final = parts(dialogues())
    base = works.run("base", "sft", SFT, base="tiny", release=demonstrations(works.folder, [*ours, *others]))
    first, second = preferences(works.folder / "release-a", ours), preferences(works.folder / "release-b", others)
    start, values = (minilm(), ENCODER) if encoder else (base.model, REWARD)
    return Desk(
        base=base,
        release=first,
        judge=works.run("judge-a", "rm", values, base=str(start), release=first),
        gold=works.run("judge-b", "rm", ENCODER, base=str(minilm()), release=second, seed=OTHER_SEED),
        train=ours,
        course=course,
        final=final,
        dpo=DPO,
        values=ANSWERS,
    )


def dialogues() -> list[Dialogue]:
    if not FILE.is_file():
        sys.exit(f"{FILE} is not here: the transcripts come with the shared data")
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        found = [read(line, id=f"hh-{number:04}") for number, line in enumerate(lines)]
    return [one for one in found if one is not None and is_short(one)]


def read(line: str, *, id: str) -> Dialogue | None:
    """None: its two dialogues differ before their endings."""
    try:
        found: Row = hh.read(json.loads(line))
    except InvalidRow:
        return None
    better = found.judgements[0].ranking[0][0]
    texts = [response.text for response in found.responses]
    return Dialogue(id=id, messages=list(found.prompt), endings=(texts[better], texts[1 - better]))


def is_short(dialogue: Dialogue) -> bool:
    prompt = sum(len(message["content"]) for message in dialogue.messages)
    return prompt <= LONGEST and max(map(len, dialogue.endings)) <= LONGEST


def parts(found: Sequence[Dialogue]) -> tuple[list[Dialogue], list[Dialogue], list[Dialogue], list[Dialogue]]:
    """What policies learn from, what the held-out reward model learns from, `COURSE` and `FINAL` dialogues."""
    drawn = random.Random("parts").sample(found, len(found))
    measured, left = drawn[: COURSE + FINAL], drawn[COURSE + FINAL :]
    return left[::2], left[1::2], measured[:COURSE], measured[COURSE:]


def demonstrations(folder: Path, found: Sequence[Dialogue]) -> ReleaseReference:
    rows = [row(one.messages, texts=[one.endings[0]], judgements=[], key=one.id) for one in found]
    return written(folder / "demonstrations", [by_policy(one, "people's choice") for one in rows])


def preferences(directory: Path, found: Sequence[Dialogue]) -> ReleaseReference:
    """Which ending stands first changes from row to row."""
    rows = []
    for number, one in enumerate(found):
        turned = number % 2
        texts = list(one.endings[::-1] if turned else one.endings)
        said = judgement(one.id, ranking=[[turned], [1 - turned]])
        rows.append(by_policy(row(one.messages, texts=texts, judgements=[said], key=one.id), "hh"))
    return written(directory, rows)

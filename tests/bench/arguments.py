"""UKPConvArg1 as releases: which argument convinces more, judged by crowds; topics held out whole.

Each side of a topic is one prompt with a tournament over its arguments (Habernal and Gurevych, ACL 2016). Both sides
of a topic stay together. Gold is the label of the data's authors on pairs where their crowd was clear.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotation.formats import release
from tests.training.releases import judgement, row

SHARED = Path(__file__).parents[3] / "shared" / "data" / "native"
FILE = "ukpconvarg.jsonl.gz"
GOLD = {"a1": (0, 1), "a2": (1, 0)}


@dataclass(frozen=True, kw_only=True)
class Vote:
    annotator: str
    ranking: list[list[int]]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two arguments for one side. `gold`: places of the better and the worse one; None: the crowd was not clear."""

    key: str
    prompt: str
    texts: tuple[str, str]
    votes: list[Vote]
    gold: tuple[int, int] | None

    @property
    def topic(self) -> str:
        return self.prompt.partition("\n")[0]

    @property
    def lead(self) -> int:
        """Votes for the first less those for the second."""
        return sum((vote.ranking == [[0], [1]]) - (vote.ranking == [[1], [0]]) for vote in self.votes)


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A pair on which the crowd was clear."""

    topic: str
    prompt: str
    better: str
    worse: str


@dataclass
class Weights:
    """What each judgement weighs, by annotator; who is not named weighs 1."""

    of: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, annotator: str) -> float:
        return self.of.get(annotator, 1.0)


def read(path: Path) -> list[Pair]:
    """The 14 rows that hold one text twice are left out."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [pair_of(record) for record in records if len({answer["text"] for answer in record["responses"]}) == 2]


def pair_of(record: Mapping[str, Any]) -> Pair:
    first, second = (answer["text"] for answer in record["responses"])
    return Pair(
        key=record["id"],
        prompt=short(record["prompt"]),
        texts=(first, second),
        votes=[Vote(annotator=said["annotator"], ranking=said["ranking"]) for said in record["judgements"]],
        gold=GOLD.get(record["metadata"]["gold"]),
    )


def short(prompt: str) -> str:
    """The topic's title and the side: what stands between them tells of the debate, at several times the length."""
    title, *_, side = prompt.split("\n")
    return f"{title}\n{side}"


def folds(pairs: Sequence[Pair], *, count: int) -> list[list[str]]:
    """Topics in `count` parts of about as many pairs each; largest topics first."""
    sizes: dict[str, int] = defaultdict(int)
    for pair in pairs:
        sizes[pair.topic] += 1
    parts: list[list[str]] = [[] for _ in range(count)]
    for topic in sorted(sizes, key=lambda topic: (-sizes[topic], topic)):
        min(parts, key=lambda part: sum(sizes[name] for name in part)).append(topic)
    return parts


def gold_of(pairs: Iterable[Pair], *, topics: Sequence[str]) -> list[Gold]:
    return [
        Gold(topic=pair.topic, prompt=pair.prompt, better=pair.texts[pair.gold[0]], worse=pair.texts[pair.gold[1]])
        for pair in pairs
        if pair.gold and pair.topic in topics
    ]


def write(directory: Path, pairs: Sequence[Pair], *, held_out: Sequence[str], weights: Weights) -> tuple[Path, str]:
    """A release whose test split is the topics `held_out`, and its hash."""
    rows = [as_row(pair, split="test" if pair.topic in held_out else "train", weights=weights) for pair in pairs]
    directory.mkdir(parents=True)
    digest = release.write_rows(directory, sorted(rows, key=lambda row: row["key"]))
    release.seal(directory, {"format_version": release.FORMAT_VERSION, "hash": digest.hash, "counts": digest.counts})
    return directory, digest.hash


def as_row(pair: Pair, *, split: str, weights: Weights) -> dict[str, Any]:
    said = [
        judgement(f"{pair.key}-{number}", ranking=vote.ranking)
        | {"annotator": vote.annotator, "weight": weights(vote.annotator)}
        for number, vote in enumerate(pair.votes)
    ]
    found = row([{"role": "user", "content": pair.prompt}], texts=list(pair.texts), judgements=said, key=pair.key)
    return found | {"split": split}

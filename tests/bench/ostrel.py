"""What the benchmark of policies is about: the demo's support desk, its questions shared out, and its true rubric.

A base is trained on the demo's demonstrations and answers all of their questions; the demo's simulated annotators
rank what it said. Half of the questions is what policies and their reward model learn from, the other half what the
held-out reward model learns from. Measured is on questions that the corpus leaves out: nobody learnt from those.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.formats import release
from annotation.formats.hashing import content_hash, split_of
from annotation.formats.manifest import FORMAT_VERSION
from flywheel.demo import corpus, rubric
from flywheel.demo.annotators import ANNOTATORS
from flywheel.demo.corpus import FRAMES, TOPIC_OF, Question
from flywheel.demo.topics import TOPICS
from tests.bench.works import OTHER_SEED, Desk, Works
from tests.training.releases import judgement, row
from training.ml.data.manifests import read_manifest
from training.ml.run.rundir import ReleaseReference, RewardReference, read_lines

# As the demo trains and asks. What is learnt from is drawn from the whole distribution.
SFT = {"epochs": "1.5"}
REWARD = {"epochs": "2"}
DPO = {"lora": "false", "learning_rate": "1e-4", "epochs": "1.5", "batch_size": "2"}
SAMPLE = {"max_new_tokens": "160", "temperature": "0.9", "top_p": "0.95"}
COURSE, FINAL = 48, 96  # new questions: those measured on while a policy learns, and those of the table

Said = Mapping[str, Sequence[str]]  # by the question's id, what the base answered


@dataclass(frozen=True, kw_only=True)
class Asked:
    id: str
    question: Question

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.question.text}]


def desk(works: Works) -> Desk:
    ours, others = halves()
    course, final = unseen()
    base = works.run("base", "sft", SFT, base="tiny", release=demonstrations(works.folder / "demonstrations"))
    start = str(base.model)
    asked = works.run("answers", "sample", SAMPLE, base=start, test=known())
    said = texts_of(read_lines(asked.responses))
    first = rankings(works.folder / "release-a", ours, said)
    second = rankings(works.folder / "release-b", others, said)
    return Desk(
        base=base,
        release=first,
        judge=works.run("judge-a", "rm", REWARD, base=start, release=first),
        gold=works.run("judge-b", "rm", REWARD, base=start, release=second, seed=OTHER_SEED),
        train=ours,
        course=course,
        final=final,
        dpo=DPO,
        true=RewardReference(source="tests.bench.ostrel:merit", weight=1.0, hash="", held_out=True),
        merit=merit,
    )


def known() -> list[Asked]:
    """The questions of the corpus."""
    return [Asked(id=f"known-{number:03}", question=found) for number, found in enumerate(corpus.questions())]


def halves() -> tuple[list[Asked], list[Asked]]:
    """The corpus's questions: those of the policies, and those of the held-out reward model."""
    found = known()
    random.Random("halves").shuffle(found)
    return found[: len(found) // 2], found[len(found) // 2 :]


def unseen() -> tuple[list[Asked], list[Asked]]:
    """Of the combinations of a phrasing and a trouble that the corpus leaves out: `COURSE` and `FINAL` of them."""
    left = [
        Question(topic=topic, text=text)
        for topic in TOPICS
        for trouble in topic.troubles
        for text in (frame.format(part=topic.part, trouble=trouble) for frame in FRAMES)
        if text not in TOPIC_OF
    ]
    random.Random("unseen").shuffle(left)
    asked = [Asked(id=f"new-{number:03}", question=found) for number, found in enumerate(left[: COURSE + FINAL])]
    return asked[:COURSE], asked[COURSE:]


TOPIC_OF_ANY = {asked.question.text: asked.question.topic for some in (known(), *unseen()) for asked in some}
KNOWN_TO_RUBRIC = {topic.key: corpus.phrasings(topic)[0] for topic in TOPICS}


def merit(prompts: list[list[dict[str, str]]], completions: list[str]) -> list[float]:
    """The true rubric, 0 to 4, as a reward function; of new questions, too."""
    topics = [TOPIC_OF_ANY[messages[-1]["content"]] for messages in prompts]
    return [
        rubric.score(KNOWN_TO_RUBRIC[topic.key], text).total for topic, text in zip(topics, completions, strict=True)
    ]


def demonstrations(directory: Path) -> ReleaseReference:
    """What the demo's first policy learns from."""
    rows = []
    for record in corpus.rows():
        prompt = [{"role": "user", "content": record["prompt"]}]
        found = row(prompt, texts=[record["responses"][0]["text"]], judgements=[], key=record["id"])
        rows.append(by_policy(found, corpus.POLICY))
    return written(directory, rows)


def rankings(directory: Path, asked: Sequence[Asked], said: Said) -> ReleaseReference:
    """What the simulated annotators make of the base's answers; each of them judges every question."""
    return written(directory, [by_policy(ranked(one, said[one.id]), "base") for one in asked])


def ranked(asked: Asked, answers: Iterable[str]) -> dict[str, Any]:
    """Answers of one text stand in it once."""
    texts = list(dict.fromkeys(answers))
    judgements = [
        judgement(f"{asked.id}-{annotator.name}", ranking=annotator.rank(asked.question.text, texts))
        | {"annotator": annotator.name, "source": "simulated"}
        for annotator in ANNOTATORS
    ]
    found = row(asked.messages, texts=texts, judgements=judgements, key=asked.id)
    return found | {"split": split_of(content_hash(asked.messages))}


def by_policy(found: dict[str, Any], policy: str) -> dict[str, Any]:
    return found | {"responses": [response | {"policy": policy} for response in found["responses"]]}


def written(directory: Path, rows: Sequence[dict[str, Any]]) -> ReleaseReference:
    """The release, unless it is there already."""
    if not (directory / "manifest.json").is_file():
        directory.mkdir(parents=True, exist_ok=True)
        digest = release.write_rows(directory, sorted(rows, key=lambda found: found["key"]))
        about = {"format_version": FORMAT_VERSION, "hash": digest.hash, "counts": digest.counts}
        release.seal(directory, about)
    return ReleaseReference(path=str(directory), hash=read_manifest(directory)["hash"])


def texts_of(responses: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Of responses.jsonl, whose lines are in order: what was answered to each question."""
    found: dict[str, list[str]] = {}
    for response in responses:
        found.setdefault(response["id"], []).append(response["text"])
    return found

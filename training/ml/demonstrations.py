"""What supervised fine-tuning imitates: of a release what people wrote or ranked best, of files every answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from training.exceptions import InvalidRelease
from training.ml.data.conversations import Encoder, Tokens
from training.ml.data.releases import Message, Row
from training.ml.knobs import SftKnobs
from training.ml.run.jobs import Job


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    prompt: list[Message]
    answer: str


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """`kind`: what is imitated of the release, demonstrations or best; files, if there is no release."""

    kind: str
    found: int
    train: list[Tokens]
    held_out: list[Tokens]


def demonstrations_of(job: Job[SftKnobs]) -> Demonstrations:
    """
    Raises:
        InvalidRelease: nothing to imitate, or nothing that fits the context.
    """
    kind = kind_of(job)
    shown = shown_in(job, kind=kind, split="train")
    if not shown:
        raise InvalidRelease(
            f"the release at {job.release.path} holds no answer to imitate in its train split ({kind})"
        )
    kept = encode(shown, encoder=job.encoder)
    if not kept:
        raise InvalidRelease(
            f"all {len(shown)} training answers are over {job.encoder.max_length} tokens: raise max_length (and, for "
            "the base tiny, tiny_context)"
        )
    held_out = encode(shown_in(job, kind=kind, split="test"), encoder=job.encoder)
    return Demonstrations(kind=kind, found=len(shown), train=kept, held_out=held_out)


def kind_of(job: Job[SftKnobs]) -> str:
    """What is imitated of the release; `files` if there is none."""
    if job.config.release is None:
        return "files"
    if job.knobs.answers != "auto":
        return job.knobs.answers
    return "demonstrations" if any(demonstrated(of(job.release.rows, "train"))) else "best"


def shown_in(job: Job[SftKnobs], *, kind: str, split: str) -> list[Demonstration]:
    """The release's answers, then those of every file in turn."""
    imitated = best if kind == "best" else demonstrated
    from_files = (row for file in job.files.get("data", []) for row in file.of(split))
    return [*imitated(of(job.release.rows, split)), *demonstrated(from_files)]


def of(rows: Sequence[Row], split: str) -> list[Row]:
    return [row for row in rows if row.split == split]


def demonstrated(rows: Iterable[Row]) -> Iterable[Demonstration]:
    """What people wrote themselves."""
    for row in rows:
        if row.is_demonstration:
            yield Demonstration(prompt=row.prompt, answer=row.responses[0].text)
        for judgement in row.judgements:
            if judgement.written:
                yield Demonstration(prompt=row.prompt, answer=judgement.written)
            for _, text in sorted(judgement.edited.items()):
                yield Demonstration(prompt=row.prompt, answer=text)


def best(rows: Iterable[Row]) -> Iterable[Demonstration]:
    """Every answer that a judgement of any weight put into its best tie group, once, if something was below it."""
    for row in rows:
        heard = [j for j in row.judgements if j.weight > 0 and len(j.ranking) > 1]
        winners = {position for j in heard for position in j.ranking[0]}
        for position in sorted(winners):
            yield Demonstration(prompt=row.prompt, answer=row.responses[position].text)


def encode(shown: Iterable[Demonstration], *, encoder: Encoder) -> list[Tokens]:
    encoded = (encoder.encode(item.prompt, item.answer) for item in shown)
    return [tokens for tokens in encoded if tokens is not None]

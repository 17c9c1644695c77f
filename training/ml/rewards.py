"""The reward of an answer: text in, number out, the same for held-out evaluation, sampling and RL.

    judge = rewards.opened(Path("runs/support-judge/model"))
    judge.score([(messages, answer), …])        # one float each

A saved reward model is opened once. Template, end token, padding token and longest conversation are those that it was
trained with, and a prompt that is too long loses its beginning as it did there. What plain transformers have no place
for stands in the model's config.json under `reward`. Rewards of an ensemble (`members`) are means of its members'.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import AutoModelForSequenceClassification

from training.exceptions import AnswerTooLong, InvalidBase
from training.ml import scoring
from training.ml.backbones import bases, members, sources
from training.ml.data.conversations import Encoder
from training.ml.data.releases import Message
from training.ml.knobs import MachineKnobs
from training.ml.run import machine

Conversation = tuple[Sequence[Message], str]  # the prompt's messages, and the answer
Scores = list[tuple[float, ...]]  # of N conversations by H heads


@dataclass(frozen=True, kw_only=True)
class Record:
    """What config.json says under `reward`.

    `offsets`: for each member and head what is taken off its logit, so that the reference answers have mean 0.
    """

    max_length: int
    offsets: tuple[tuple[float, ...], ...] = ()  # (M, H), M = 1 for a single model; empty: nothing
    members: int = 1
    adapters: dict[str, Any] | None = None  # their shape, if there are several members
    conservative: str = "std"
    penalty: float = 1.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Reward:
    """Of one answer. `value` is the first head's mean over the members, `spread` their standard deviation."""

    value: float
    spread: float
    conservative: float
    members: tuple[float, ...]  # (M,) of the first head
    heads: dict[str, float]  # by name, means over the members


@dataclass(frozen=True, kw_only=True)
class RewardModel:
    """An open reward model. `adapters`: the members' names, if it is an ensemble; none: the model as it is."""

    model: Any
    encoder: Encoder
    record: Record
    adapters: tuple[str, ...] = ()

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(self.model.config.id2label[i] for i in range(self.model.config.num_labels))

    def score(self, conversations: Sequence[Conversation]) -> list[float]:
        """The reward of each answer after its prompt, in their order.

        Raises:
            AnswerTooLong: an answer leaves no room for its prompt.
        """
        return [reward.value for reward in self.rewards(conversations)]

    def rewards(self, conversations: Sequence[Conversation]) -> list[Reward]:
        """The same with all that is known of each: spread, conservative score, heads."""
        tokens = [tuple(self.tokens(prompt, answer)) for prompt, answer in conversations]
        distinct = list(dict.fromkeys(tokens))  # an answer is read once, however often it is asked for
        by_member = list(self.of_members([list(ids) for ids in distinct]))
        found = {ids: self.reward([scores[i] for scores in by_member]) for i, ids in enumerate(distinct)}
        return [found[ids] for ids in tokens]

    def tokens(self, prompt: Sequence[Message], answer: str) -> list[int]:
        found = self.encoder.encode(prompt, answer)
        if found is None:
            raise AnswerTooLong(
                f"an answer of {len(answer)} characters leaves no room for its prompt: this reward model reads "
                f"{self.encoder.max_length} tokens"
            )
        return found.ids

    def fits(self, prompt: Sequence[Message], answer: str) -> bool:
        return self.encoder.encode(prompt, answer) is not None

    def of_members(self, sequences: Sequence[list[int]]) -> Iterator[Scores]:
        """For each member what its heads say, centred."""
        for number in range(self.record.members):
            with self.member(number) as model:
                found = scoring.by_head(model, sequences, pad=self.encoder.tokenizer.pad_token_id)
            offsets = self.record.offsets[number] if self.record.offsets else (0.0,) * len(self.heads)
            yield [tuple(one - offset for one, offset in zip(row, offsets, strict=True)) for row in found]

    @contextmanager
    def member(self, number: int) -> Iterator[Any]:
        """The model that computes as this one of its members."""
        if self.adapters:
            self.model.set_adapter(self.adapters[number])
        yield self.model

    def reward(self, by_member: Sequence[tuple[float, ...]]) -> Reward:
        """(M, H) of one conversation."""
        main = tuple(heads[0] for heads in by_member)
        means = (math.fsum(scores) / len(scores) for scores in zip(*by_member, strict=True))
        return Reward(
            value=math.fsum(main) / len(main),
            spread=statistics.pstdev(main),
            conservative=conservative(main, kind=self.record.conservative, penalty=self.record.penalty),
            members=main,
            heads=dict(zip(self.heads, means, strict=True)),
        )


def conservative(scores: Sequence[float], *, kind: str, penalty: float) -> float:
    """`min`: the worst member's; `std`: the mean less `penalty` standard deviations.

    Source: 2310.02743, worst-case and uncertainty-weighted optimisation; there the variance is taken off, here its
    root, which is in the score's own unit.
    """
    if kind == "min":
        return min(scores)
    return math.fsum(scores) / len(scores) - penalty * statistics.pstdev(scores)


def opened(path: Path, *, knobs: MachineKnobs | None = None) -> RewardModel:
    """A reward model from its directory, on the device that the knobs name.

    Raises:
        InvalidBase: it cannot be read, or is none.
        InvalidKnob: a device that this machine does not have.
    """
    knobs = knobs or MachineKnobs()
    here = machine.resolve(knobs)
    sources.check_directory(path)
    sources.check_readable(path)
    base = bases.read(path, source=str(path), kind="path", knobs=knobs)
    if not base.holds_reward_model:
        raise InvalidBase(f"{path} is no reward model: it has no score for a conversation")
    record = bases.attempt(base.source, lambda: record_of(base))
    model, _ = bases.load(base, AutoModelForSequenceClassification, machine=here)
    names: tuple[str, ...] = ()
    if record.adapters is not None:
        shape = record.adapters
        model, names = bases.attempt(
            base.source, lambda: members.reopened(model, path, count=record.members, shape=shape)
        )
    encoder = Encoder(base.tokenizer, max_length=record.max_length)
    return RewardModel(model=model, encoder=encoder, record=record, adapters=names)


def record_of(base: bases.Base) -> Record:
    """Of a model that was trained elsewhere: nothing is taken off, and it reads all that it can."""
    found = getattr(base.config, "reward", None)
    if found is None:
        return Record(max_length=base.context(bases.NO_LIMIT - 1))
    return Record(**found | {"offsets": tuple(map(tuple, found["offsets"]))})

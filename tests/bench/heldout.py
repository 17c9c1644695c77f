"""What both sides of the benchmark of held-out accuracy learn from, and on what they are tested."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from tests.bench import feedback, sides
from tests.bench.bench_arguments import minilm
from tests.bench.feedback import Question
from tests.bench.rankings import Case, Merit
from tests.bench.sides import SHARED, Training
from training.ml import ranking
from training.ml.backbones import bases
from training.ml.data import batches, groups, releases
from training.ml.data.batches import Item
from training.ml.data.conversations import Encoder
from training.ml.knobs import MachineKnobs
from training.ml.packed import sharing
from training.ml.ranking import Reading

MERIT = Merit(answers=4, prompt=8, answer=16, prompts=600, together=4)
QUESTIONS = Case(answers=4, prompt=20, answer=100, prompts=400, together=4)  # means, to size TRL's batches
HELD_OUT, OTHER = 250, 1_000_003  # simulated prompts, and how far their seed is from that of the training data
FOLDS = 5
LONGEST = 256  # tokens of a question with an answer


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """`judge`: scores of an item's answers by what was not trained; `base`: none for a model from nothing."""

    case: Case
    train: list[Item]
    held_out: list[Item]
    judge: Callable[[Item], list[float]]
    base: Path | None = None

    def model(self, training: Training) -> Any:
        """The same weights for every side, without dropout."""
        if self.base is None:
            return sides.made(training)
        torch.manual_seed(training.seed)
        found = AutoModelForSequenceClassification.from_pretrained(self.base, num_labels=1)
        return ranking.without_dropout(found)

    def reading(self, model: Any) -> Reading:
        if self.base is None:
            return SHARED
        packed = sharing.packable(model, longest=LONGEST)
        return Reading(packed=packed, shared=False, why_not=sharing.obstacle(model.config), pad=0)


def simulated(seed: int) -> Lesson:
    """The judge knows the merits: nobody foretells these rankings better."""
    return Lesson(
        case=MERIT,
        train=MERIT.items(seed=seed),
        held_out=replace(MERIT, prompts=HELD_OUT).items(seed=seed + OTHER),
        judge=lambda item: [MERIT.merit(answer) for answer in item.answers],
    )


def questions(seed: int) -> Lesson:
    """The judge takes the longer answer, in tokens."""
    found = feedback.read()
    random.Random(0).shuffle(found)
    base = minilm()
    held_out = found[seed % FOLDS :: FOLDS]
    return Lesson(
        case=QUESTIONS,
        train=items_of([one for one in found if one not in held_out], base=base),
        held_out=items_of(held_out, base=base),
        judge=lambda item: [float(len(answer)) for answer in item.answers],
        base=base,
    )


def items_of(found: Sequence[Question], *, base: Path) -> list[Item]:
    read = bases.read(base, source=str(base), kind="path", knobs=MachineKnobs())
    rows = [releases.row_of(feedback.as_row(one, split="train", passages=False)) for one in found]
    encoder = Encoder(read.tokenizer, max_length=LONGEST)
    return batches.encode(groups.of_rows(rows), encoder=encoder, labels="votes", margin="off", ties=False)


LESSONS = {"simulated": simulated, "feedback": questions}

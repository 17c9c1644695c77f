"""Knobs of supervised fine-tuning."""

from dataclasses import dataclass

from training.ml.knobs.fields import knob
from training.ml.knobs.training import FoundingKnobs


@dataclass(frozen=True, kw_only=True)
class SftKnobs(FoundingKnobs):
    """Supervised fine-tuning on demonstrations, loss on the answer only."""

    epochs: float | None = knob(
        None, "Passes over the data; auto: 1, and 4 from nothing (our choice; no measurement on record).", low=0.01
    )
    learning_rate: float | None = knob(
        None,
        "Peak learning rate; auto: 2e-4 with LoRA, 2e-5 full (both TRL's defaults), 3e-3 for a base of under 20 "
        "million parameters (our choice; no measurement on record).",
        low=0,
    )
    answers: str = knob(
        "auto",
        "What is imitated of a release: demonstrations (rows with one answer by people, and answers that annotators "
        "edited), best (the best-ranked answer of each judgement), or auto: demonstrations if the release has any, "
        "else best. Files of --data are imitated whole.",
        choices=("auto", "demonstrations", "best"),
    )
    mix: str = knob(
        "",
        "File of general conversations, in the formats of --data, of which a share is mixed into the training data. "
        "Empty: none.",
    )
    mix_ratio: float = knob(
        0.1, "Share of the examples trained on that come from mix; 0: it only measures forgetting.", low=0, high=0.95
    )
    general: str = knob(
        "",
        "File of general conversations whose held-out part measures what was forgotten; empty: that of mix, if there "
        "is one.",
    )
    packing: bool = knob(
        False,
        "Lay the conversations of a batch into one row without padding. Batches, losses and gradients are the same. "
        "A base whose attention does not allow it is trained padded, with a warning.",
    )
    curriculum: str = knob(
        "off",
        "Order of the examples in every pass: off (shuffled), length (short conversations first), difficulty (what "
        "the base finds likely first, by its loss per answer token before training).",
        choices=("off", "length", "difficulty"),
    )
    eval_steps: int | None = knob(
        None,
        "Steps between measurements of the held-out loss, rounded up to a multiple of logging_steps; the checkpoint "
        "with the lowest is kept as the result, and save_steps is the same. auto: with patience as often as "
        "checkpoints are saved, else never.",
        low=1,
    )
    patience: int = knob(
        0, "Stop after so many measurements in a row without a new lowest held-out loss; 0: never.", low=0
    )

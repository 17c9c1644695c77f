"""Low-rank adapters (LoRA, 2106.09685): whether, and on which modules."""

from collections.abc import Sequence

from peft import LoraConfig, TaskType

from training.exceptions import InvalidKnob
from training.ml.backbones.bases import Base
from training.ml.knobs import TrainingKnobs

HEADS = ("classifier", "score")  # of sequence classifiers, as PEFT knows them: always trained whole


def wanted(knobs: TrainingKnobs, base: Base) -> bool:
    """
    Raises:
        InvalidKnob: adapters on weights that are random.
    """
    if base.starts_from_nothing and knobs.lora:
        raise InvalidKnob(
            "lora=true: the base tiny starts at random, so all of it must be trained; leave lora at auto, or name a "
            "trained base"
        )
    return not base.starts_from_nothing if knobs.lora is None else knobs.lora


def whole(names: Sequence[str]) -> list[str]:
    """Parts of a head as the head itself: PEFT trains it whole by its own name, and loads no part under another."""
    tops = {name: name.partition(".")[0] for name in names}
    return sorted({top if top in HEADS else name for name, top in tops.items()})


def config(knobs: TrainingKnobs, *, classifier: bool, trained_whole: Sequence[str] = ()) -> LoraConfig:
    """Adapters on every linear layer; `trained_whole` are modules that start at random, as a reward head does."""
    return LoraConfig(
        r=knobs.lora_rank,
        lora_alpha=knobs.lora_alpha,
        lora_dropout=0.0,  # a resumed run must see what an undisturbed one sees; rewards want no dropout anyway
        target_modules="all-linear",
        modules_to_save=whole(trained_whole) or None,
        task_type=TaskType.SEQ_CLS if classifier else TaskType.CAUSAL_LM,
    )

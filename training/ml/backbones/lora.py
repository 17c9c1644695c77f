"""Low-rank adapters (LoRA, 2106.09685): whether, and on which modules."""

import re
from collections.abc import Sequence
from typing import Any

from peft import LoraConfig, TaskType
from torch import nn
from transformers.pytorch_utils import Conv1D

from training.exceptions import InvalidKnob
from training.ml.backbones import adapted
from training.ml.backbones.bases import Base
from training.ml.knobs import TrainingKnobs

LAYER = re.compile(r"\.(?:layers|h)\.(\d+)\.")
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


def config(knobs: TrainingKnobs, model: Any, *, classifier: bool, trained_whole: Sequence[str] = ()) -> LoraConfig:
    """Adapters on every linear layer of the model, or of its upper ones; `trained_whole` are modules that start at
    random, as a reward head does."""
    shape = LoraConfig(
        r=knobs.lora_rank,
        lora_alpha=knobs.lora_alpha,
        lora_dropout=0.0,  # a resumed run must see what an undisturbed one sees; rewards want no dropout anyway
        target_modules="all-linear" if knobs.lora_layers is None else linear(model),
        layers_to_transform=layers(knobs, model),
        modules_to_save=whole(trained_whole) or None,
        task_type=TaskType.SEQ_CLS if classifier else TaskType.CAUSAL_LM,
    )
    return adapted.computed(shape, model)


def linear(model: Any) -> list[str]:
    """What the backbone's linear layers are called: PEFT takes no `all-linear` for a part of the layers."""
    found = model.base_model.named_modules()
    return sorted({name.rpartition(".")[2] for name, module in found if isinstance(module, (nn.Linear, Conv1D))})


def count(model: Any) -> int:
    """Layers of the backbone."""
    return int(model.config.get_text_config().num_hidden_layers)


def layer_of(name: str) -> int:
    """The number of the layer that a parameter of this name stands in; -1: in none."""
    found = LAYER.search(name)
    return int(found[1]) if found else -1


def layers(knobs: TrainingKnobs, model: Any) -> list[int] | None:
    """Numbers of the layers that get adapters, from 0 below; None: all.

    Raises:
        InvalidKnob: the model has not so many.
    """
    if knobs.lora_layers is None:
        return None
    check(model, lora_layers=knobs.lora_layers)
    return list(range(count(model) - knobs.lora_layers, count(model)))


def check(model: Any, **asked: int) -> None:
    """
    Raises:
        InvalidKnob: more layers than there are.
    """
    for name, number in asked.items():
        if number > count(model):
            raise InvalidKnob(f"{name}={number}: this base has {count(model)} layers")

"""How an ensemble of reward models lies on disk, and how it is opened again.

model/ holds the first member as a plain model, which transformers alone can load, and every member's adapter and head
in `member-<number>.safetensors` beside it; their shape stands in config.json. To open it the first one's adapter is
taken off the weights, which gives the backbone back but for the last bit, and all are put on by name.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import peft
import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from torch import nn

SHAPE = ("r", "lora_alpha", "target_modules", "modules_to_save", "layers_to_transform")  # of an adapter

Shape = dict[str, Any]  # SHAPE, as config.json holds it


def adapted(model: Any, paths: Sequence[Path]) -> Any:
    """The backbone with the adapters in these directories, by name, none of them merged."""
    found = peft.PeftModel.from_pretrained(model, str(paths[0]), adapter_name=name_of(0))
    for number, path in enumerate(paths[1:], start=1):
        found.load_adapter(str(path), adapter_name=name_of(number))
    return found


def name_of(number: int) -> str:
    return f"member-{number}"


def file_of(path: Path, number: int) -> Path:
    return path / f"{name_of(number)}.safetensors"


@dataclass(frozen=True)
class Saved:
    """The adapters of a model as files; for `weights.save`."""

    states: Sequence[dict[str, torch.Tensor]]

    def save_pretrained(self, path: Path) -> None:
        for number, state in enumerate(self.states):
            save_file({name: weight.contiguous() for name, weight in state.items()}, file_of(path, number))


def states_of(model: Any, *, count: int) -> Saved:
    """Before one of them is merged."""
    found = [peft.get_peft_model_state_dict(model, adapter_name=name_of(number)) for number in range(count)]
    return Saved([{name: weight.detach().cpu().clone() for name, weight in state.items()} for state in found])


def shape_of(model: Any) -> Shape:
    config = asdict(model.peft_config[name_of(0)])
    return {name: sorted(value) if isinstance(value, set) else value for name in SHAPE for value in [config[name]]}


def reopened(model: Any, path: Path, *, count: int, shape: Shape) -> tuple[Any, tuple[str, ...]]:
    """The backbone with every member's adapter, from the plain first member; and their names."""
    known = {name: shape.get(name) for name in SHAPE}  # whoever wrote the file, nothing else is taken from it
    config = peft.LoraConfig(**known, lora_dropout=0.0, task_type=peft.TaskType.SEQ_CLS)
    names = tuple(map(name_of, range(count)))
    found = peft.PeftModel(model, config, adapter_name=names[0])
    for name in names[1:]:
        found.add_adapter(name, config)
    for number, name in enumerate(names):
        peft.set_peft_model_state_dict(found, load_file(file_of(path, number)), adapter_name=name)
    take_off(found, names[0])
    return found, names


def take_off(model: nn.Module, name: str) -> None:
    """The adapter that is merged into the weights, in place."""
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLayer):
                weight = layer.get_base_layer().weight
                weight -= layer.get_delta_weight(name).to(weight.dtype)

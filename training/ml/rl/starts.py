"""Where the value network starts: from the reward model, which knows already what is liked, or from the base.

Source: 2403.17031, where it starts from the reward model. It can, where both read the same tokens: a reward model's
adapters fit the shared backbone if it was trained over these very weights; its whole model can stand alone beside
separate ones. All other reward models still judge, by text.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import peft
import torch
from peft.utils import CONFIG_NAME, SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from training.exceptions import InvalidKnob
from training.ml import rewards
from training.ml.backbones import bases, members
from training.ml.backbones.bases import Base
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl.actors import Actors, Separate, Shared, zero_head
from training.ml.rl.states import How
from training.ml.run.machine import Machine
from training.ml.run.rundir import RewardReference, RunDirectory


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A reward model that the value network might start from. `why_not`: in one clause; empty: it can."""

    path: Path
    base: Base | None
    record: rewards.Record | None
    why_not: str = ""


def candidate(references: tuple[RewardReference, ...], *, base: Base, knobs: PpoKnobs) -> Candidate:
    """The first reward model that is trained on, and whether it reads what the policy does."""
    paths = [Path(one.source) for one in references if not one.held_out and Path(one.source).is_dir()]
    if not paths:
        return Candidate(path=Path(), base=None, record=None, why_not="no reward model is trained on")
    found = bases.read(paths[0], source=str(paths[0]), kind="path", knobs=knobs)
    return replace(of_model(found), why_not=difference(found, base))


def of_model(found: Base) -> Candidate:
    return Candidate(path=found.path, base=found, record=rewards.record_of(found))


def difference(judge: Base, policy: Base) -> str:
    """Why tokens of the one are none of the other's, in one clause; empty: they are."""
    if judge.is_encoder:
        return "the reward model is an encoder, and sees no unfinished answer"
    if judge.tokenizer.get_vocab() != policy.tokenizer.get_vocab():
        return "the reward model reads other tokens"
    if judge.tokenizer.chat_template != policy.tokenizer.chat_template:
        return "the reward model has another chat template"
    return ""


def started(
    model: Any,
    references: tuple[RewardReference, ...],
    *,
    base: Base,
    knobs: PpoKnobs,
    how: How,
    machine: Machine,
    shared: bool,
) -> tuple[Actors, str]:
    """The actors, and in one clause where the value network started.

    Raises:
        InvalidKnob: value_start=reward, and it cannot.
    """
    found = candidate(references, base=base, knobs=knobs)
    why_not = found.why_not or (foreign_adapter(found, base) if shared else "")
    if knobs.value_start == "reward" and why_not:
        raise InvalidKnob(f"value_start=reward: {why_not}; leave it at auto, or say base")
    from_reward = knobs.value_start != "base" and not why_not
    make = shared_actors if shared else separate_actors
    actors = make(model, found if from_reward else None, base=base, knobs=knobs, how=how, machine=machine)
    if from_reward:
        return actors, "the reward model"
    return actors, "the base" + (f" ({why_not})" if knobs.value_start == "auto" else "")


def foreign_adapter(found: Candidate, base: Base) -> str:
    """Why the reward model's adapter is none for this backbone, in one clause; empty: it is."""
    report = RunDirectory(found.path.parent).read_report() or {}
    if found.record is not None and found.record.adapters is None and not (adapter_of(found) / CONFIG_NAME).is_file():
        return "the reward model was not trained with adapters"
    if report.get("base", {}).get("sha256") != bases.hash_of_weights(base.path):
        return "the reward model's adapters are over another base"
    return ""


def adapter_of(found: Candidate) -> Path:
    return RunDirectory(found.path.parent).adapter


def shared_actors(
    model: Any, found: Candidate | None, *, base: Base, knobs: PpoKnobs, how: How, machine: Machine
) -> Shared:
    actors = Shared(model, knobs=knobs, how=how, temperature=knobs.temperature)
    if found is not None:
        shape, state = adapter(found)
        actors.replace_value(shape, below_head(state), head=head_of(score_of(state), found, device=machine.device))
    return actors


def adapter(found: Candidate, *, number: int = 0) -> tuple[peft.LoraConfig, dict[str, Tensor]]:
    """Its shape, on the backbone alone, and its weights; of an ensemble those of one member."""
    record = found.record
    if record is not None and record.adapters is not None:
        shape = {name: record.adapters.get(name) for name in members.SHAPE}
        state = load_file(members.file_of(found.path, number))
    else:
        whole = peft.LoraConfig.from_pretrained(str(adapter_of(found)))
        shape = {name: getattr(whole, name) for name in members.SHAPE}
        state = load_file(adapter_of(found) / SAFETENSORS_WEIGHTS_NAME)
    shape["modules_to_save"] = None  # the head stands beside the backbone here
    return peft.LoraConfig(**shape, lora_dropout=0.0, task_type=peft.TaskType.CAUSAL_LM), state


def below_head(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if ".score." not in name}


def score_of(state: dict[str, Tensor]) -> Tensor:
    """The weight of the head: (H, D)"""
    return next(tensor for name, tensor in state.items() if name.endswith("score.weight"))


def head_of(weight: Tensor, found: Candidate, *, device: Any) -> nn.Linear:
    """The reward model's first head, with its zero: (H, D) -> D to 1."""
    head = nn.Linear(weight.shape[1], 1, device=device)
    offsets = found.record.offsets if found.record is not None else ()
    with torch.no_grad():
        head.weight.copy_(weight[:1])
        head.bias.fill_(-offsets[0][0] if offsets else 0.0)
    return head


def separate_actors(
    model: Any, found: Candidate | None, *, base: Base, knobs: PpoKnobs, how: How, machine: Machine
) -> Separate:
    if found is None or found.base is None:
        value = bases.load_causal(base, machine=machine)
        return Separate(model, value=value, head=zero_head(value), how=how, temperature=knobs.temperature)
    value = bases.load(found.base, AutoModelForSequenceClassification, machine=machine)[0]
    head = head_of(value.score.weight, found, device=machine.device)
    return Separate(model, value=value, head=head, how=how, temperature=knobs.temperature)

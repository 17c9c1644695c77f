"""Policy, reference and value network: adapters on one frozen backbone, or three models of their own.

    shared      policy = backbone + adapter `policy`      reference = backbone      value = backbone + adapter `value`
    separate    policy                                    reference: a frozen copy  value: a model with a head

A reward model that is an adapter over the same backbone can be one more on it (`seats`).

Both give log-probabilities and values of the same tokens by the same code. Parameters are named alike in both, so
that a checkpoint and an optimiser know nothing of the layout. The policy's own dropout is off.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import peft
import torch
from peft.tuners.lora import LoraLayer
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file
from torch import Tensor, nn

from training.ml import ranking
from training.ml.backbones import adapted, lora
from training.ml.knobs.rl import PpoKnobs
from training.ml.packed import lower, packing
from training.ml.rl import shards, states
from training.ml.rl.rollouts import Rollout
from training.ml.rl.states import How, Said

POLICY, VALUE = "policy", "value"  # names of adapters


class Actors(Protocol):
    """`temperature` is that of sampling. Numbers are of every token of the answers, end to end: (T,)."""

    model: Any  # the policy, with its adapters if it has any
    how: How

    @property
    def device(self) -> Any: ...

    @property
    def is_cut(self) -> bool:
        """Whether no process holds the whole model, so that all go through it together."""
        ...

    def using(self, name: str) -> AbstractContextManager[None]:
        """`policy` or `value` is what the model computes, for the time of the block."""
        ...

    def policy(self, rollouts: Sequence[Rollout]) -> Said: ...

    def reference(self, rollouts: Sequence[Rollout]) -> Said: ...

    def values(self, rollouts: Sequence[Rollout]) -> Tensor: ...

    def generating(self) -> AbstractContextManager[Any]:
        """The policy as a language model, for the time of the block."""
        ...

    def trained(self) -> dict[str, list[tuple[str, nn.Parameter]]]:
        """Named parameters that are trained, of `policy` and of `value`."""
        ...

    def forget(self) -> None:
        """What was kept of the answers of a step."""
        ...

    def finished(self) -> tuple[Any, Any | None]:
        """The policy as plain weights, and its adapter if it has one; the actors are of no use afterwards."""
        ...


class Shared:
    """Adapters on one frozen backbone. `head`: of the value network, from hidden states to a number."""

    def __init__(self, model: Any, *, knobs: PpoKnobs, how: How, temperature: float) -> None:
        self.how = replace(how, below=below(model, knobs=knobs) if how.packed else None)
        self.temperature = temperature
        self.value_layers = knobs.value_layers
        lora.check(model, value_layers=knobs.value_layers or 1)
        shape = lora.config(knobs, model, classifier=False)
        self.model = peft.get_peft_model(ranking.without_dropout(model), shape, adapter_name=POLICY)
        self.model.add_adapter(VALUE, shape)
        self.head = zero_head(model)
        self.value_from(shape)
        self.layers: list[Any] = []  # those that are cut over processes
        self.again: Callable[[], Any] = lambda: None

    def cut(self, *, again: Callable[[], Any]) -> None:
        """The backbone over all processes, after which no adapter is added; `again` reads the base once more."""
        self.layers = shards.cut(packing.plain(self.model).base_model)
        self.again = again

    @property
    def device(self) -> Any:
        return self.model.device

    @property
    def is_cut(self) -> bool:
        return bool(self.layers)

    def replace_value(self, shape: peft.LoraConfig, state: dict[str, Tensor], *, head: nn.Linear) -> None:
        """The value network starts from a reward model's adapter and head."""
        self.model.delete_adapter(VALUE)
        self.model.add_adapter(VALUE, adapted.computed(shape, self.model))
        peft.set_peft_model_state_dict(self.model, state, adapter_name=VALUE)
        self.head = head
        self.value_from(shape)

    def value_from(self, shape: peft.LoraConfig) -> None:
        """From which layer on the value network learns; what lies below is read once a step, adapters and all."""
        adapted = shape.layers_to_transform
        lowest = adapted[0] if isinstance(adapted, list) else 0
        first = max(lowest, lora.count(self.model) - self.value_layers) if self.value_layers else lowest
        same = self.how.below
        if same is None or first != lowest or first != same.count:
            apart = self.how.packed and lower.splits(self.model, count=first)
            same = states.Below(count=first) if apart else None
        self.value_first, self.value_how = first, replace(self.how, below=same)

    def policy(self, rollouts: Sequence[Rollout]) -> Said:
        with self.using(POLICY):
            return states.said(self.model, rollouts, how=self.how, temperature=self.temperature)

    def reference(self, rollouts: Sequence[Rollout]) -> Said:
        with torch.no_grad(), self.model.disable_adapter():
            found = states.said(self.model, rollouts, how=self.how, temperature=self.temperature)
        self.keep_trainable()
        return found

    def values(self, rollouts: Sequence[Rollout]) -> Tensor:
        with self.using(VALUE), self.how.autocast(self.model):
            hidden = states.hidden(self.model, rollouts, how=self.value_how)
        return self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """PEFT freezes the adapters that are not in use; here several are trained in turn."""
        self.model.set_adapter(name)
        self.keep_trainable()
        yield

    def keep_trainable(self) -> None:
        trained = {id(parameter) for pairs in self.trained().values() for _, parameter in pairs}
        for name, parameter in self.model.named_parameters():
            if ".lora_" in name:
                parameter.requires_grad_(id(parameter) in trained)

    def seat(self, name: str, shape: peft.LoraConfig, state: dict[str, Tensor]) -> None:
        """One more adapter, which is not trained here."""
        self.model.add_adapter(name, shape)
        peft.set_peft_model_state_dict(self.model, state, adapter_name=name)
        self.keep_trainable()

    def unseat(self, name: str) -> None:
        self.model.delete_adapter(name)
        self.keep_trainable()

    def generating(self) -> AbstractContextManager[Any]:
        return self.merged(POLICY)

    @contextmanager
    def merged(self, name: str) -> Iterator[Any]:
        """The adapter in the weights, which makes every token cheaper; afterwards these are back, to the bit."""
        with shards.gathered(self.layers), self.added(name) as model:
            yield model

    @contextmanager
    def added(self, name: str) -> Iterator[Any]:
        """In weights that this process holds whole."""
        layers = [one for one in self.model.modules() if isinstance(one, LoraLayer) and name in one.lora_A]
        before = [layer.get_base_layer().weight.data for layer in layers]
        with torch.no_grad():
            for layer, weight in zip(layers, before, strict=True):
                layer.get_base_layer().weight.data = weight + layer.get_delta_weight(name).to(weight.dtype)
        try:
            with self.model.disable_adapter():
                yield packing.plain(self.model)
        finally:
            for layer, weight in zip(layers, before, strict=True):
                layer.get_base_layer().weight.data = weight
            self.keep_trainable()

    def trained(self) -> dict[str, list[tuple[str, nn.Parameter]]]:
        named = list(self.model.named_parameters())
        value = [pair for pair in named if f".{VALUE}." in pair[0] and self.learns(pair[0])]
        head = [(f"head.{name}", parameter) for name, parameter in self.head.named_parameters()]
        return {
            POLICY: [(name, parameter) for name, parameter in named if f".{POLICY}." in name],
            VALUE: value + head,
        }

    def learns(self, name: str) -> bool:
        """A parameter of the value network, by its layer."""
        return not self.value_first or lora.layer_of(name) >= self.value_first

    def forget(self) -> None:
        for how in (self.how, self.value_how):
            if how.below is not None:
                how.below.forget()

    def finished(self) -> tuple[Any, Any]:
        adapter = AdapterAlone(self.model)  # before it is merged
        model = adapter.on(self.again()) if self.layers else self.model
        return model.merge_and_unload(adapter_names=[POLICY]), adapter


class AdapterAlone:
    """The policy's adapter as PEFT's own directory of one, for `weights.save`."""

    def __init__(self, model: Any) -> None:
        found = peft.get_peft_model_state_dict(model, adapter_name=POLICY)
        self.state = {name: weight.detach().cpu().clone() for name, weight in found.items()}
        self.shape = copy.deepcopy(model.peft_config[POLICY])
        self.shape.inference_mode = True

    def on(self, base: Any) -> Any:
        """A model of its own."""
        found = peft.get_peft_model(base, self.shape, adapter_name=POLICY)
        peft.set_peft_model_state_dict(found, self.state, adapter_name=POLICY)
        return found

    def save_pretrained(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        save_file(self.state, path / SAFETENSORS_WEIGHTS_NAME)
        self.shape.save_pretrained(str(path))


class Separate:
    """Three models: everything is trained but the reference."""

    def __init__(self, model: Any, *, value: Any, head: nn.Linear, how: How, temperature: float) -> None:
        """`value`: a model over the same tokens, of which only the backbone is used, below `head`."""
        self.how = how
        self.temperature = temperature
        self.model = ranking.without_dropout(model)
        self.value = ranking.without_dropout(value)
        self.head = head
        self.base = copy.deepcopy(model).requires_grad_(False)

    @property
    def device(self) -> Any:
        return self.model.device

    @property
    def is_cut(self) -> bool:
        return False

    def policy(self, rollouts: Sequence[Rollout]) -> Said:
        return states.said(self.model, rollouts, how=self.how, temperature=self.temperature)

    def reference(self, rollouts: Sequence[Rollout]) -> Said:
        with torch.no_grad():
            return states.said(self.base, rollouts, how=self.how, temperature=self.temperature)

    def values(self, rollouts: Sequence[Rollout]) -> Tensor:
        with self.how.autocast(self.value):
            hidden = states.hidden(self.value, rollouts, how=self.how)
        return self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)

    def using(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def generating(self) -> AbstractContextManager[Any]:
        return nullcontext(self.model)

    def trained(self) -> dict[str, list[tuple[str, nn.Parameter]]]:
        value = [(f"value.{name}", parameter) for name, parameter in self.value.base_model.named_parameters()]
        head = [(f"head.{name}", parameter) for name, parameter in self.head.named_parameters()]
        return {POLICY: list(self.model.named_parameters()), VALUE: value + head}

    def forget(self) -> None:
        """Nothing is kept."""

    def finished(self) -> tuple[Any, None]:
        return self.model, None


def below(model: Any, *, knobs: PpoKnobs) -> states.Below | None:
    """Those that get no adapter, if they can be read apart from the rest."""
    upper = lora.layers(knobs, model)
    if not upper or not lower.splits(model, count=upper[0]):
        return None
    return states.Below(count=upper[0])


def zero_head(model: Any) -> nn.Linear:
    """One that says zero of everything, until it learns."""
    head = nn.Linear(model.config.get_text_config().hidden_size, 1, device=model.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head

"""A reward model as one more adapter on the policy's backbone, which spares a second copy of it.

It can, where it was trained with adapters over these very weights: by the hash of its base, and by its own weights,
which have to be those of the backbone with its adapter. It scores with the adapter in the weights,
as it does when it is opened alone, and reads text by its own tokenizer. All others stay where they were opened.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification

from training.ml.backbones import bases
from training.ml.backbones.bases import Base
from training.ml.knobs import MachineKnobs
from training.ml.packed import packing
from training.ml.rewards import RewardModel
from training.ml.rl import starts
from training.ml.rl.actors import Actors, Shared
from training.ml.rl.judges import Judge, Model, Source
from training.ml.rl.starts import Candidate

ON_IT = "an adapter on the policy's backbone"
CLOSE = 1e-6  # of a weight to what it should be; another machine multiplies in another order


@dataclass(frozen=True, kw_only=True)
class Seated(RewardModel):
    """`model`: a classifier around the shared backbone; `adapters`: of its members, or its only one;
    `own_heads`: theirs."""

    actors: Shared
    own_heads: tuple[nn.Linear, ...]

    @contextmanager
    def member(self, number: int) -> Iterator[Any]:
        self.model.score = self.own_heads[number]
        with self.actors.merged(self.adapters[number]):
            yield self.model


def seated(judge: Judge, actors: Actors, *, base: Base, name: str = "judge") -> tuple[Judge, dict[str, str]]:
    """The same judge with as many of its reward models as can on the policy's backbone; of each where it is.

    `name`: of their adapters, before a number.
    """
    sources: list[Source] = []
    places = {}
    for number, source in enumerate(judge.sources):
        if isinstance(source, Model) and isinstance(source.scorer, RewardModel):
            found = of_path(Path(source.source))
            scorer, why_not = taken_in(source.scorer, actors, found, base=base, name=f"{name}-{number}")
            places[source.name] = f"apart ({why_not})" if why_not else ON_IT
            sources.append(replace(source, scorer=scorer))
        else:
            sources.append(source)
    return replace(judge, sources=tuple(sources)), places


def of_path(path: Path) -> Candidate:
    return starts.of_model(bases.read(path, source=str(path), kind="path", knobs=MachineKnobs()))


def taken_in(
    alone: RewardModel, actors: Actors, found: Candidate, *, base: Base, name: str
) -> tuple[RewardModel, str]:
    """On the backbone; or as it was, and in one clause why."""
    if not isinstance(actors, Shared):
        return alone, "the policy has no backbone to share"
    why_not = starts.foreign_adapter(found, base)
    if why_not:
        return alone, why_not
    there = take_in(alone, actors, found, name=name)
    if alike(alone, there):
        return there, ""
    for adapter in there.adapters:
        actors.unseat(adapter)
    return alone, "its weights are not those of the base with its adapter"


def take_in(alone: RewardModel, actors: Shared, found: Candidate, *, name: str) -> Seated:
    names = tuple(f"{name}-{number}" for number in range(alone.record.members))
    heads = []
    for number, adapter in enumerate(names):
        shape, state = starts.adapter(found, number=number)
        actors.seat(adapter, shape, starts.below_head(state))
        heads.append(head_of(starts.score_of(state), device=actors.device))
    return Seated(
        model=around(packing.plain(actors.model).base_model, packing.plain(alone.model)),
        encoder=alone.encoder,
        record=alone.record,
        adapters=names,
        actors=actors,
        own_heads=tuple(heads),
    )


def around(backbone: Any, classifier: Any) -> Any:
    """A classifier of this kind whose backbone is that one."""
    with torch.device("meta"):
        found = AutoModelForSequenceClassification.from_config(classifier.config)
    setattr(found, found.base_model_prefix, backbone)
    return found.eval()


def head_of(weight: Tensor, *, device: Any) -> nn.Linear:
    """(H, D)"""
    head = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device=device).requires_grad_(False)
    head.weight.copy_(weight)
    return head


def alike(alone: RewardModel, there: Seated) -> bool:
    """Whether both have the same weights. Members of an ensemble come from the same files, and are not compared."""
    mine = packing.plain(alone.model)
    if alone.adapters:
        return close(weights_of(mine.base_model), weights_of(there.model.base_model))
    with there.member(0) as theirs:
        return close(weights_of(mine), weights_of(theirs))


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """By the names that they have without adapters, which are left out."""
    return {
        name.replace(".base_layer", ""): weight.detach()
        for name, weight in model.named_parameters()
        if ".lora_" not in name
    }


def close(mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> bool:
    return mine.keys() == theirs.keys() and all(
        weight.shape == theirs[name].shape and torch.allclose(weight, theirs[name], rtol=0, atol=CLOSE)
        for name, weight in mine.items()
    )

"""Actors on tiny random backbones and answers for them to learn from."""

from collections.abc import Sequence

import pytest
import torch

from tests.training.ml import tiny_models
from tests.training.ml.rl import policies
from training.ml import knobs as all_knobs
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl import experience
from training.ml.rl.actors import Actors, Separate, Shared, zero_head
from training.ml.rl.experience import Experience
from training.ml.rl.judges import Verdict
from training.ml.rl.rollouts import Rollout
from training.ml.rl.states import How

QUIET = [
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
    # peft sets right by itself what GPT-2's layers need, and says so.
    pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning"),
]
ITEMS = tiny_models.items(4)  # 16 answers


def knobs(**values: str) -> PpoKnobs:
    found = all_knobs.parse("ppo", {"lora_rank": "4", "lora_alpha": "8", "rollout_size": "16"} | values)
    assert isinstance(found, PpoKnobs)
    return found


def made(name: str, *, layout: str = "shared", packed: bool = True, exact: bool = False, **values: str) -> Actors:
    """`exact`: in fp64, where what differs is no rounding."""
    dtype = torch.float64 if exact else torch.float32
    model = tiny_models.language_model(tiny_models.DECODERS[name](), dtype)
    how = How(packed=packed, pad=0)
    if layout == "shared":
        return Shared(model, knobs=knobs(**values), how=how, temperature=0.7)
    value = tiny_models.language_model(tiny_models.DECODERS[name](), dtype)
    return Separate(model, value=value, head=zero_head(value), how=how, temperature=0.7)


def moved(actors: Actors, *, by: float = 0.05) -> Actors:
    """All that is trained is no longer what it was; the same in every layout's own way each time."""
    torch.manual_seed(8)
    with torch.no_grad():
        for pairs in actors.trained().values():
            for _, parameter in pairs:
                parameter.add_(torch.randn_like(parameter), alpha=by)
    return actors


def rollouts() -> list[Rollout]:
    return policies.rollouts(ITEMS)


def verdicts(found: Sequence[Rollout]) -> list[Verdict]:
    """Some number or other for each."""
    rewards = [(len(rollout.answer) * 7 + rollout.answer[0]) % 11 / 3 - 1.5 for rollout in found]
    return [Verdict(reward=reward, score=reward, spread=0.0, parts={}) for reward in rewards]


def gathered(actors: Actors, found: PpoKnobs, *, places: Sequence[int] | None = None) -> Experience:
    """Of all sixteen answers, or of those that stand at these places."""
    chosen = list(places) if places is not None else list(range(len(rollouts())))
    answers = [rollouts()[place] for place in chosen]
    return experience.gathered(actors, answers, verdicts(answers), places=chosen, knobs=found, beta=found.beta)

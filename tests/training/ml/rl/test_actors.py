"""Policy, reference and value network on one backbone or apart: what each says, and that none disturbs another."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.training.ml import tiny_models
from tests.training.ml.rl import policies
from training.ml import knobs
from training.ml.backbones import lora
from training.ml.knobs.rl import PpoKnobs
from training.ml.rl.actors import POLICY, VALUE, Actors, Separate, Shared, zero_head
from training.ml.rl.rollouts import Rollout
from training.ml.rl.states import How

pytestmark = [
    # peft asks transformers by a name that is going away; nothing of ours does.
    pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning"),
    # peft sets right by itself what GPT-2's layers need, and says so.
    pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False:UserWarning"),
]
NAMES = ["llama", "qwen3", "gpt2"]
EVERY = pytest.mark.parametrize("name", NAMES)
Making = Callable[..., Actors]


def model(name: str) -> Any:
    return tiny_models.language_model(tiny_models.DECODERS[name]())


def shared(name: str, *, packed: bool = True, **values: str) -> Shared:
    return Shared(model(name), knobs=asked_for(**values), how=How(packed=packed, pad=0), temperature=0.7)


def asked_for(**values: str) -> PpoKnobs:
    found = knobs.parse("ppo", {"lora": "true", "lora_rank": "4", "lora_alpha": "8"} | values)
    assert isinstance(found, PpoKnobs)
    return found


def separate(name: str, *, packed: bool = True) -> Separate:
    value = model(name)
    how = How(packed=packed, pad=0)
    return Separate(model(name), value=value, head=zero_head(value), how=how, temperature=0.7)


BOTH = pytest.mark.parametrize("make", [shared, separate])


def asked() -> list[Rollout]:
    return policies.rollouts(tiny_models.items(4))


def move(actors: Actors, *names: str) -> None:
    """The named parts are no longer what they were."""
    torch.manual_seed(8)
    with torch.no_grad():
        for name in names:
            for _, parameter in actors.trained()[name]:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)


def said(actors: Actors) -> dict[str, Tensor]:
    with torch.no_grad():
        return {
            "policy": actors.policy(asked()).log_probs,
            "reference": actors.reference(asked()).log_probs,
            "value": actors.values(asked()),
        }


@EVERY
@BOTH
def test_before_it_learns_the_policy_is_the_reference_and_values_are_zero(make: Making, name: str) -> None:
    found = said(make(name))
    assert torch.equal(found["policy"], found["reference"])
    assert not found["value"].any()


@EVERY
@BOTH
@pytest.mark.parametrize("part", [POLICY, VALUE])
def test_a_part_that_moves_moves_no_other(make: Making, name: str, part: str) -> None:
    actors = make(name)
    move(actors, VALUE)  # a head of zeros says nothing of what lies below it
    before = said(actors)
    move(actors, part)
    after = said(actors)
    changed = {other for other in before if not torch.equal(before[other], after[other])}
    assert changed == {part}


@EVERY
def test_an_update_leaves_the_backbone_and_the_reference_as_they_were(name: str) -> None:
    actors = shared(name)
    reference = said(actors)["reference"]
    backbone = {key: weight.clone() for key, weight in frozen(actors).items()}
    parameters = [parameter for pairs in actors.trained().values() for _, parameter in pairs]
    optimiser = torch.optim.AdamW(parameters, lr=0.01)
    for _ in range(3):
        (actors.policy(asked()).log_probs.mean() + (actors.values(asked()) - 1).square().mean()).backward()
        optimiser.step()
        optimiser.zero_grad()
    after = said(actors)
    assert torch.equal(after["reference"], reference)
    assert not torch.equal(after["policy"], reference)
    assert after["value"].mean() > 0.01
    assert all(torch.equal(weight, backbone[key]) for key, weight in frozen(actors).items())


def frozen(actors: Shared) -> dict[str, Tensor]:
    return {name: weight for name, weight in actors.model.named_parameters() if "lora_" not in name}


def test_policy_and_value_get_their_gradients_apart() -> None:
    """Each from its own loss, whichever was computed last."""
    actors = shared("llama")
    move(actors, POLICY, VALUE)
    policy, value = actors.policy(asked()).log_probs.sum(), actors.values(asked()).sum()
    policy.backward()
    assert gradients(actors) == {POLICY}
    value.backward()
    assert gradients(actors) == {POLICY, VALUE}


def gradients(actors: Shared) -> set[str]:
    return {name for name, pairs in actors.trained().items() if all(one.grad is not None for _, one in pairs)}


@EVERY
def test_generating_computes_as_the_policy_and_leaves_the_backbone_as_it_was(name: str) -> None:
    actors = shared(name)
    move(actors, POLICY, VALUE)
    before = {key: weight.clone() for key, weight in actors.model.state_dict().items()}
    apart = said(actors)
    rollout = asked()[0]
    with actors.generating() as plain, torch.no_grad():
        logits = plain(torch.tensor([rollout.prompt.ids + rollout.answer])).logits[0] / 0.7
    found = logits[len(rollout.prompt.ids) - 1 : -1].log_softmax(-1)
    assert torch.allclose(found, actors.policy([rollout]).distributions, atol=1e-4)
    after = actors.model.state_dict()
    assert all(torch.equal(after[key], weight) for key, weight in before.items())
    assert all(torch.equal(numbers, said(actors)[key]) for key, numbers in apart.items())
    assert all(parameter.requires_grad for pairs in actors.trained().values() for _, parameter in pairs)


def test_a_failure_while_generating_leaves_the_backbone_as_it_was() -> None:
    actors = shared("llama")
    move(actors, POLICY)
    before = said(actors)
    with pytest.raises(KeyboardInterrupt), actors.generating():
        raise KeyboardInterrupt
    assert all(torch.equal(numbers, said(actors)[key]) for key, numbers in before.items())


@EVERY
def test_adapters_of_the_upper_layers_alone_say_the_same_whether_or_not_the_lower_ones_are_kept(name: str) -> None:
    """Also when the answers of the next step are others."""
    kept, anew = shared(name, lora_layers="1"), shared(name, packed=False, lora_layers="1")
    for actors in (kept, anew):
        move(actors, POLICY, VALUE)
    for _ in range(2):
        for part, numbers in said(kept).items():
            assert torch.allclose(numbers, said(anew)[part], atol=1e-4), part
    kept.forget()
    other = policies.rollouts(tiny_models.items(9))
    assert torch.allclose(kept.policy(other).log_probs, anew.policy(other).log_probs, atol=1e-4)


@pytest.mark.parametrize("adapted", [{}, {"lora_layers": "1"}], ids=["adapters everywhere", "above alone"])
def test_a_value_network_of_upper_layers_keeps_what_lies_below_and_says_the_same_as_read_whole(
    adapted: dict[str, str],
) -> None:
    kept, anew = shared("llama", value_layers="1", **adapted), shared("llama", value_layers="1", **adapted)
    anew.value_how = anew.how = How(packed=True, pad=0)
    for actors in (kept, anew):
        move_all(actors)
    assert kept.value_how.below is not None
    for _ in range(2):
        assert torch.allclose(kept.values(asked()), anew.values(asked()), atol=1e-5)
        assert torch.allclose(kept.policy(asked()).log_probs, anew.policy(asked()).log_probs, atol=1e-5)
    for actors in (kept, anew):
        actors.values(asked()).square().sum().backward()
    gradients = [[one.grad for _, one in actors.trained()[VALUE]] for actors in (kept, anew)]
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(*gradients, strict=True))


def move_all(actors: Shared) -> None:
    """Adapters that are not trained, too: of a value network that starts from a reward model they say something."""
    torch.manual_seed(8)
    with torch.no_grad():
        for name, parameter in actors.model.named_parameters():
            if ".lora_" in name:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
        actors.head.weight.add_(0.1)


def test_of_a_value_network_of_upper_layers_nothing_below_is_trained() -> None:
    actors = shared("llama", value_layers="1")
    actors.values(asked()).sum().backward()
    trained = [name for name, _ in actors.trained()[VALUE]]
    assert {lora.layer_of(name) for name in trained if name.startswith("base_model")} == {1}
    known = {id(one) for pairs in actors.trained().values() for _, one in pairs}
    others = [one for one in actors.model.parameters() if id(one) not in known]
    assert not any(one.requires_grad or one.grad is not None for one in others)


def test_the_policys_lower_layers_are_read_once_though_the_value_network_has_adapters_there() -> None:
    actors = shared("llama", lora_layers="1")
    shape = lora.config(asked_for(), model("llama"), classifier=False)  # on all layers, as a reward model has it
    actors.replace_value(shape, {}, head=zero_head(model("llama")))
    assert actors.how.below is not None
    assert actors.value_how.below is None


@EVERY
@BOTH
def test_packed_and_padded_say_the_same(make: Making, name: str) -> None:
    packed, padded = make(name, packed=True), make(name, packed=False)
    for actors in (packed, padded):
        move(actors, POLICY, VALUE)
    for part, numbers in said(packed).items():
        assert torch.allclose(numbers, said(padded)[part], atol=1e-4), part


@EVERY
@BOTH
def test_what_is_saved_in_the_end_is_the_policy(make: Making, name: str) -> None:
    actors = make(name)
    move(actors, POLICY, VALUE)
    rollout = asked()[0]
    expected = actors.policy([rollout]).distributions
    finished, adapter = actors.finished()
    assert (adapter is None) == (make is separate)
    with torch.no_grad():
        logits = finished(torch.tensor([rollout.prompt.ids + rollout.answer])).logits[0] / 0.7
    assert torch.allclose(logits[len(rollout.prompt.ids) - 1 : -1].log_softmax(-1), expected, atol=1e-4)
    assert not [name for name, _ in finished.named_modules() if "lora" in name]


@BOTH
def test_dropout_is_off_though_the_model_was_made_with_some(make: Making) -> None:
    """GPT-2 comes with a tenth of it."""
    actors = make("gpt2")
    actors.model.train()
    assert [one.p for one in actors.model.modules() if isinstance(one, nn.Dropout) and one.p] == []
    assert torch.equal(said(actors)["policy"], said(actors)["policy"])

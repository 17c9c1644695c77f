"""The last layer's feed-forward part is computed where it is read, and nothing that is read changes."""

import pytest
import torch

from tests.training.ml import tiny_models
from training.ml.packed import attention, narrowing, packing

ANSWERS = (1, 9, 4, 2)


def whole(model, packed):
    """Hidden states of the whole row, nothing left out."""
    backbone = packing.plain(model).base_model
    with attention.over(backbone, packed.layout):
        output = backbone(input_ids=packed.ids, position_ids=packed.positions, use_cache=False)
    return output.last_hidden_state[0]


@pytest.mark.parametrize("name", sorted(tiny_models.DECODERS))
def test_states_that_are_read_and_their_gradients_are_those_of_the_whole_row(name):
    model = tiny_models.classifier(tiny_models.DECODERS[name](), torch.float64)
    packed = packing.pack(tiny_models.items(5, answers=ANSWERS), share=True, device="cpu")
    found, gradients = read(model, lambda: packing.hidden(model, packed, at=packed.predictors))
    wanted, wanted_gradients = read(model, lambda: whole(model, packed)[packed.predictors])
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(gradients, wanted_gradients)


def read(model, compute):
    model.zero_grad(set_to_none=True)
    states = compute()
    (states * torch.linspace(-1, 1, states.numel(), dtype=states.dtype).view_as(states)).sum().backward()
    return states.detach(), [weight.grad for weight in model.parameters() if weight.grad is not None]


def test_only_the_tokens_that_are_read_go_through_the_last_feed_forward_part():
    model = tiny_models.classifier(tiny_models.DECODERS["llama"]())
    packed = packing.pack(tiny_models.items(5, answers=ANSWERS), share=True, device="cpu")
    sizes = [[], []]
    for number, layer in enumerate(model.model.layers):
        layer.mlp.gate_proj.register_forward_hook(lambda _, given, __, n=number: sizes[n].append(given[0].shape[1]))
    packing.scores(model, packed)
    assert sizes == [[packed.ids.shape[1]], [packed.answers]]


def test_afterwards_the_model_is_as_it_was():
    model = tiny_models.classifier(tiny_models.DECODERS["llama"]())
    packed = packing.pack(tiny_models.items(5, answers=ANSWERS), share=True, device="cpu")
    before = model(packed.ids).logits
    packing.scores(model, packed)
    assert "forward" not in vars(model.model.layers[-1].mlp)
    assert torch.equal(model(packed.ids).logits, before)


def test_under_gradient_checkpointing_everything_is_computed():
    model = tiny_models.classifier(tiny_models.DECODERS["llama"]())
    model.activation_checkpointing_enable()
    assert narrowing.last_part(model.base_model) is None


def test_an_encoder_is_left_alone():
    assert narrowing.last_part(tiny_models.classifier(tiny_models.ENCODERS["bert"]()).base_model) is None

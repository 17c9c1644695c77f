"""Attention over a packed row: both ways of computing it, and what it refuses."""

from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

from tests.training.ml import tiny_models
from training.ml.packed import attention, packing
from training.ml.packed.attention import Block, Layout

SHARED = Layout((Block(prompt=3, answers=(2, 5)), Block(prompt=7), Block(prompt=1, answers=(1,))))
APART = Layout((Block(prompt=3), Block(prompt=8), Block(prompt=1)))


def dense_mask(layout: Layout, *, causal: bool) -> Tensor:
    """The whole square of who sees whom: (T, T) bool."""
    total = sum(layout.lengths)
    seen = torch.zeros(total, total, dtype=torch.bool)
    start = 0
    for block in layout.blocks:
        end = start + block.prompt
        seen[start:end, start:end] = True
        for length in block.answers:
            seen[end : end + length, start : start + block.prompt] = True
            seen[end : end + length, end : end + length] = True
            end += length
        start = end
    return seen.tril() if causal else seen


@pytest.mark.parametrize("compute", [attention.one_by_one, attention.in_batches])
@pytest.mark.parametrize(("layout", "causal"), [(SHARED, True), (APART, True), (APART, False)])
def test_a_token_sees_its_conversation_and_nothing_else(compute: Any, layout: Layout, causal: bool) -> None:
    torch.manual_seed(17)
    row = [torch.randn(1, 2, sum(layout.lengths), 4, dtype=torch.double, requires_grad=True) for _ in range(3)]
    attend = partial(F.scaled_dot_product_attention, scale=0.7, dropout_p=0.0)
    found = compute(*row, layout, causal=causal, attend=attend)
    wanted = attend(*row, attn_mask=dense_mask(layout, causal=causal)).transpose(1, 2)
    weights = torch.randn_like(wanted)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(
        torch.autograd.grad((found * weights).sum(), row), torch.autograd.grad((wanted * weights).sum(), row)
    )


def test_both_ways_give_a_model_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models.classifier(tiny_models.DECODERS["llama"](), torch.float64)
    packed = packing.pack(tiny_models.items(1), share=True, device="cpu")
    one_by_one = packing.scores(model, packed)
    monkeypatch.setattr(attention, "one_by_one", attention.in_batches)
    torch.testing.assert_close(packing.scores(model, packed), one_by_one)


def test_dropout_of_attention_is_applied() -> None:
    config = tiny_models.DECODERS["llama"]()
    config.attention_dropout = 0.5
    model = tiny_models.classifier(config)
    packed = packing.pack(tiny_models.items(2), share=True, device="cpu")
    assert torch.equal(packing.scores(model, packed), packing.scores(model, packed))
    model.train()
    assert not torch.equal(packing.scores(model, packed), packing.scores(model, packed))


def test_an_encoder_refuses_to_share_a_prompt() -> None:
    model = tiny_models.classifier(tiny_models.ENCODERS["bert"]())
    with pytest.raises(attention.UnsupportedAttention, match="bidirectional"):
        packing.scores(model, packing.pack(tiny_models.items(3), share=True, device="cpu"))
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("asked", [{"softcap": 50.0}, {"s_aux": torch.zeros(2)}, {"sliding_window": 7}])
def test_a_layer_that_asks_for_more_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(attention.UnsupportedAttention, match=next(iter(asked))):
        attention.check(SHARED, causal=True, asked=asked)


def test_a_window_that_holds_every_conversation_is_none() -> None:
    attention.check(SHARED, causal=True, asked={"sliding_window": 8, "softcap": None})


def test_a_layer_run_again_out_of_its_row_fails_instead_of_seeing_all_of_it() -> None:
    model = tiny_models.classifier(tiny_models.DECODERS["llama"]())
    layers = model.model.layers
    layers[0] = checkpoint_wrapper(layers[0])
    found = packing.scores(model, packing.pack(tiny_models.items(4), share=True, device="cpu"))
    with pytest.raises(RuntimeError, match="size"):
        found.sum().backward()

"""Which backbones share a prompt, which are packed at all, and which are not."""

from typing import Any

import pytest
import torch
from transformers import (
    AlbertConfig,
    BloomConfig,
    FalconConfig,
    Gemma2Config,
    GraniteConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    Qwen2Config,
)

from tests.training.ml import tiny_models
from training.ml.packed import sharing

SMALL = {"vocab_size": tiny_models.VOCAB, "hidden_size": 32, "pad_token_id": 0}


@pytest.mark.parametrize("name", tiny_models.DECODERS)
def test_decoders_with_full_attention_share_prompts(name: str) -> None:
    config = tiny_models.DECODERS[name]()
    assert sharing.obstacle(config) is None
    assert sharing.packable(tiny_models.classifier(config))
    assert sharing.packable(tiny_models.language_model(config))


@pytest.mark.parametrize("name", tiny_models.ENCODERS)
def test_encoders_are_packed_but_share_nothing(name: str) -> None:
    config = tiny_models.ENCODERS[name]()
    assert "bidirectional" in str(sharing.obstacle(config))
    assert sharing.packable(tiny_models.classifier(config))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (BloomConfig(n_layer=2, n_head=4, **SMALL), "ALiBi"),
        (FalconConfig(num_hidden_layers=2, num_attention_heads=4, alibi=True, **SMALL), "ALiBi"),
        (MambaConfig(num_hidden_layers=2, **SMALL), "recurrent"),
        (MistralConfig(sliding_window=8, **tiny_models.SHAPE), "sliding window or chunk of 8"),
        (Gemma2Config(sliding_window=16, head_dim=8, **tiny_models.SHAPE), "sliding window or chunk of 16"),
        (
            Qwen2Config(use_sliding_window=True, sliding_window=4, max_window_layers=1, **tiny_models.SHAPE),
            "sliding window or chunk of 4",
        ),
    ],
)
def test_backbones_where_sharing_is_not_exact_are_named_and_not_packed(config: Any, why: str) -> None:
    assert why in str(sharing.obstacle(config))
    assert not sharing.packable(tiny_models.language_model(config))


def test_a_window_that_no_conversation_fills_is_no_obstacle() -> None:
    config = MistralConfig(sliding_window=32, num_key_value_heads=2, **tiny_models.SHAPE)
    assert sharing.obstacle(config, longest=32) is None
    assert sharing.obstacle(config, longest=33) is not None
    assert sharing.packable(tiny_models.language_model(config), longest=32)


def test_a_model_without_an_attention_backend_is_not_packed() -> None:
    config = FalconConfig(num_hidden_layers=2, num_attention_heads=4, **SMALL)
    assert sharing.obstacle(config) is None
    assert not sharing.packable(tiny_models.language_model(config))


@pytest.mark.parametrize(
    "model",
    [
        lambda: tiny_models.language_model(
            GraniteConfig(logits_scaling=4.0, **tiny_models.SHAPE)
        ),  # changes its logits
        lambda: tiny_models.classifier(
            AlbertConfig(embedding_size=32, **tiny_models.SHAPE)
        ),  # a head of another kind
    ],
)
def test_a_model_that_answers_otherwise_in_a_row_is_not_packed(model: Any) -> None:
    assert not sharing.packable(model())


def test_a_model_that_does_not_heed_positions_is_found_out() -> None:
    model = tiny_models.classifier(LlamaConfig(**tiny_models.SHAPE))
    angles = model.model.rotary_emb.forward
    model.model.rotary_emb.forward = lambda x, position_ids: angles(x, torch.arange(x.shape[1])[None])
    assert not sharing.packable(model)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_asking_leaves_the_model_as_it_was(dtype: torch.dtype) -> None:
    model = tiny_models.classifier(tiny_models.DECODERS["llama"](), dtype).train()
    assert sharing.packable(model)
    assert model.training
    assert model.config._attn_implementation == "sdpa"
    assert all(parameter.grad is None for parameter in model.parameters())

"""Tiny backbones with random weights large enough for attention to matter, and prompts with answers for them."""

import random
from collections.abc import Callable
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
)

Items = list[tuple[list[int], list[list[int]]]]
VOCAB, CONTEXT = 60, 64
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    **SPECIAL,
}
GPT2_SHAPE = {
    "vocab_size": VOCAB,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": CONTEXT,
    "initializer_range": 0.2,
    **SPECIAL,
}
DISTILBERT_SHAPE = {
    "vocab_size": VOCAB,
    "dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 48,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
    **SPECIAL,
}
DECODERS: dict[str, Callable[[], PreTrainedConfig]] = {
    "llama": lambda: LlamaConfig(num_key_value_heads=2, **SHAPE),
    "qwen2": lambda: Qwen2Config(num_key_value_heads=2, **SHAPE),
    "qwen3": lambda: Qwen3Config(num_key_value_heads=1, head_dim=8, **SHAPE),
    "gpt2": lambda: GPT2Config(scale_attn_by_inverse_layer_idx=True, **GPT2_SHAPE),
    "gpt_neox": lambda: GPTNeoXConfig(**SHAPE),
}
ENCODERS: dict[str, Callable[[], PreTrainedConfig]] = {
    "bert": lambda: BertConfig(**SHAPE),
    "roberta": lambda: RobertaConfig(**SHAPE | {"max_position_embeddings": CONTEXT + 2}),
    "electra": lambda: ElectraConfig(embedding_size=32, **SHAPE),
    "distilbert": lambda: DistilBertConfig(**DISTILBERT_SHAPE),
}


def classifier(config: PreTrainedConfig, dtype: torch.dtype = torch.float32) -> Any:
    config.num_labels = 1
    return made(AutoModelForSequenceClassification, config, dtype)


def language_model(config: PreTrainedConfig, dtype: torch.dtype = torch.float32) -> Any:
    return made(AutoModelForCausalLM, config, dtype)


def made(auto: Any, config: PreTrainedConfig, dtype: torch.dtype) -> Any:
    torch.manual_seed(17)
    model = auto.from_config(config).to(dtype).eval()
    return with_exact_norms(model) if dtype == torch.float64 else model


def with_exact_norms(model: Any) -> Any:
    """RMSNorm of transformers computes in float32 whatever its weights are; torch's does not."""
    norms = [(name, module) for name, module in model.named_modules() if type(module).__name__.endswith("RMSNorm")]
    for name, norm in norms:
        exact = torch.nn.RMSNorm(len(norm.weight), eps=norm.variance_epsilon, dtype=torch.float64)
        exact.load_state_dict(norm.state_dict())
        model.set_submodule(name, exact)
    return model


def items(seed: int, *, answers: tuple[int, ...] = (1, 9, 4, 2)) -> Items:
    """Prompts of random lengths, with as many answers as named, of random lengths."""
    draw = random.Random(seed)

    def tokens(most: int) -> list[int]:
        return [draw.randrange(3, VOCAB) for _ in range(draw.randint(1, most))]

    return [(tokens(20), [tokens(20) for _ in range(count)]) for count in answers]

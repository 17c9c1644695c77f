"""Which models may share a prompt between answers, and which may be packed at all.

A prompt read once is exact where its hidden states do not hang on what follows it, and where an answer finds in its
layers what it would find alone: full causal attention with positions given as ids. What the config tells is asked of
the config; what it does not tell, of the model: `packable` scores a handful of tokens both ways.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from training.ml import scoring
from training.ml.packed import packing
from training.ml.packed.attention import UnsupportedAttention

ALIBI = {"bloom", "mpt"}
RECURRENT = {"mamba", "mamba2", "falcon_mamba", "rwkv", "recurrent_gemma", "xlstm"}
STATES = ("state_size", "mamba_d_state", "mamba_d_ssm", "ssm_state_size", "linear_conv_kernel_dim", "conv_L_cache")
WINDOWED = {"sliding_attention", "chunked_attention", "local"}
WINDOWS = ("sliding_window", "attention_chunk_size", "local_attention", "window_size")
PROMPT, ANSWERS = 5, (4, 2, 1)  # tokens of what is scored both ways
CLOSE = {torch.float64: 1e-8, torch.float32: 1e-3}  # relative; a wrong layout is off by a tenth and more
CLOSE_HALF = 5e-2


def obstacle(config: Any, *, longest: int | None = None) -> str | None:
    """Why answers cannot share their prompt, in one clause; None: they can. Conversations have `longest` tokens."""
    if is_bidirectional(config):
        return "its attention is bidirectional: what it makes of a prompt hangs on the answer"
    return local(config, longest=longest)


def is_bidirectional(config: Any) -> bool:
    encoder = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
    return encoder or getattr(config, "is_causal", True) is False


def local(config: Any, *, longest: int | None = None) -> str | None:
    """Why a layer is not full attention over positions that are given as ids, in one clause; None: every one is."""
    kinds = set(getattr(config, "layer_types", None) or getattr(config, "attention_layers", None) or [])
    if is_recurrent(config, kinds):
        return "it has recurrent or linear-attention layers, which carry one answer into the next"
    if getattr(config, "alibi", False) or config.model_type in ALIBI:
        return "it has ALiBi, which counts distances along the row"
    window = narrowest(config, kinds)
    if window is not None and (longest is None or window < longest):
        return f"it attends within a sliding window or chunk of {window} tokens"
    return None


def is_recurrent(config: Any, kinds: set[str]) -> bool:
    stateful = any(getattr(config, name, None) for name in STATES)
    return stateful or config.model_type in RECURRENT or bool(kinds - WINDOWED - {"full_attention", "global"})


def narrowest(config: Any, kinds: set[str]) -> int | None:
    """Tokens of the narrowest window that a layer has."""
    if kinds and not kinds & WINDOWED:
        return None
    sizes = [size for name in WINDOWS if isinstance(size := getattr(config, name, None), int) and size > 0]
    return min(sizes, default=None)


def packable(model: Any, *, longest: int | None = None) -> bool:
    """Whether a packed row gives what each conversation alone gives; if not, score in padded batches.

    Asks the model itself: one row of a dozen tokens against three sequences of its own.
    """
    inner = packing.plain(model)
    if not inner.base_model._supports_attention_backend or local(inner.config, longest=longest) is not None:
        return False
    try:
        return agrees(model, share=obstacle(inner.config, longest=longest) is None)
    except UnsupportedAttention:
        return False


def agrees(model: Any, *, share: bool) -> bool:
    """Hidden states, and what the head makes of them, the same in a row as alone."""
    inner = packing.plain(model)
    items, sequences = trial(inner.config)
    packed = packing.pack(items, share=share, device=inner.device)
    alone = [torch.tensor([sequence], device=inner.device) for sequence in sequences]
    with scoring.evaluating(model):
        together = packing.hidden(model, packed, at=packed.ends)  # (R, D)
        apart = torch.stack([inner.base_model(ids).last_hidden_state[0, -1] for ids in alone])
        rounded = bool(getattr(inner, "is_loaded_in_4bit", False))  # fp32 outside, but it computes in half precision
        return close(together, apart, rounded=rounded) and close(
            outputs(model, packed), expected(inner, alone), rounded=rounded
        )


def trial(config: Any) -> tuple[list[tuple[list[int], list[list[int]]]], list[list[int]]]:
    """Two prompts with answers, and their conversations: tokens that are not special."""
    special = {config.pad_token_id, config.bos_token_id, config.eos_token_id}
    usual = [number for number in range(min(config.vocab_size, 64)) if number not in special]
    tokens = iter(usual * 4)
    items = []
    for _ in range(2):
        prompt = [next(tokens) for _ in range(PROMPT)]
        items.append((prompt, [[next(tokens) for _ in range(length)] for length in ANSWERS]))
    return items, [prompt + answer for prompt, answers in items for answer in answers]


def outputs(model: Any, packed: packing.Packed) -> Tensor:
    if packing.plain(model).get_output_embeddings() is None:
        return packing.scores(model, packed)
    return packing.answer_log_probs(model, packed)


def expected(inner: Any, alone: Sequence[Tensor]) -> Tensor:
    """The same as `outputs` by the model's own forward passes."""
    logits = [inner(ids).logits for ids in alone]
    if inner.get_output_embeddings() is None:
        return torch.cat(logits).squeeze(-1)
    sums = []
    for ids, of_sequence in zip(alone, logits, strict=True):
        found = of_sequence[0, :-1].float().log_softmax(-1).gather(1, ids[0, 1:, None])  # (L - 1, 1)
        sums.append(found[PROMPT - 1 :].sum())
    return torch.stack(sums)


def close(found: Tensor, wanted: Tensor, *, rounded: bool) -> bool:
    difference = (found - wanted).float().norm() / wanted.float().norm().clamp(min=1e-30)
    return bool(difference <= (CLOSE_HALF if rounded else CLOSE.get(wanted.dtype, CLOSE_HALF)))

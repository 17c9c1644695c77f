"""The built-in base `tiny`: a Llama of a million parameters with its own tokenizer, made by the run that trains it.

A byte-level BPE learns its tokens from the train split's own text, the weights start at random by the run's seed.
Saved as any base is: safetensors, config, tokenizer with chat template. Nothing is downloaded.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.ml.data.releases import Release
from training.ml.knobs import FoundingKnobs

PAD, BEGIN, END = "<|pad|>", "<|begin|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
HEAD_WIDTH = 32


def make(directory: Path, *, release: Release, knobs: FoundingKnobs, seed: int) -> None:
    """Write the base into `directory`, which appears in one step; one that is there is kept."""
    if directory.is_dir():
        return
    beside = directory.with_name(f".{directory.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    tokenizer = tokenizer_of(texts(release), vocab=knobs.tiny_vocab, context=knobs.tiny_context)
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config_of(knobs, tokenizer))
    model.save_pretrained(beside)
    tokenizer.save_pretrained(beside)
    beside.rename(directory)


def texts(release: Release) -> Iterator[str]:
    """What the tokenizer may see: the train split only."""
    for row in release.rows:
        if row.split == "train":
            yield from (message["content"] for message in row.prompt)
            yield from (response.text for response in row.responses)


def tokenizer_of(lines: Iterable[str], *, vocab: int, context: int) -> Any:
    bpe = RustTokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    specials = [PAD, BEGIN, END, *ROLES]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=list(ROLES),
        chat_template=TEMPLATE,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def config_of(knobs: FoundingKnobs, tokenizer: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=knobs.tiny_width,
        intermediate_size=knobs.tiny_width * 8 // 3,
        num_hidden_layers=knobs.tiny_layers,
        num_attention_heads=knobs.tiny_width // HEAD_WIDTH,
        max_position_embeddings=knobs.tiny_context,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )

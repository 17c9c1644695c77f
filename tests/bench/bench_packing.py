"""What packing saves in supervised fine-tuning: the same batches with and without padding.

    .venv/bin/python -m tests.bench.bench_packing [--batches 4]

Prints a row a spread of lengths: the share of padding, CPU seconds of forward and backward passes padded and packed
(the least of three rounds, so that a busy machine counts less), their ratio, and how far the losses are apart.
A Llama of 4 layers and width 256, 16 conversations a batch, log-normal lengths around 100 tokens of prompt and 60 of
answer, one thread, float32.
"""

import argparse
import random
import tempfile
import time
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig

from training.ml import sft
from training.ml.data.conversations import Tokens
from training.ml.imitation import ImitationTrainer

SPREADS = (0.0, 0.5, 1.0)  # sigma of the logarithm of a length
PROMPT, ANSWER, LONGEST = 100, 60, 400
BATCH, VOCAB, ROUNDS = 16, 512, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=4)
    batches = parser.parse_args().batches
    warnings.simplefilter("ignore")  # TRL recommends flash attention for rows without padding
    torch.set_num_threads(1)
    print(
        "| spread of lengths | padding | padded, CPU s | packed, CPU s | ratio | losses apart |\n" + 6 * "|---" + "|"
    )
    for spread in SPREADS:
        shown = conversations(batches * BATCH, spread=spread)
        padded, loss = measured(shown, packed=False)
        packed, other = measured(shown, packed=True)
        print(
            f"| {spread} | {padding(shown):.0%} | {padded:.2f} | {packed:.2f} | {padded / packed:.2f} "
            f"| {abs(other / loss - 1):.0e} |",
            flush=True,
        )


def conversations(count: int, *, spread: float) -> list[Tokens]:
    random.seed(17)

    def tokens(mean: int) -> list[int]:
        length = min(max(2, round(random.lognormvariate(0, spread) * mean)), LONGEST)
        return [random.randrange(5, VOCAB) for _ in range(length)]

    return [Tokens(prompt=tokens(PROMPT), answer=tokens(ANSWER)) for _ in range(count)]


def padding(shown: Sequence[Tokens]) -> float:
    """Share of the places of padded batches that hold nothing."""
    batches = [shown[start : start + BATCH] for start in range(0, len(shown), BATCH)]
    places = sum(len(batch) * max(len(item.ids) for item in batch) for batch in batches)
    return 1 - sum(len(item.ids) for item in shown) / places


def measured(shown: Sequence[Tokens], *, packed: bool) -> tuple[float, float]:
    """CPU seconds of one pass over all batches, and the sum of their losses."""
    with tempfile.TemporaryDirectory() as directory:
        trainer = trainer_of(shown, packed=packed, directory=directory)
        rounds = [one_pass(trainer) for _ in range(ROUNDS)]
    return min(seconds for seconds, _ in rounds), rounds[0][1]


def one_pass(trainer: ImitationTrainer) -> tuple[float, float]:
    rows = list(trainer.train_dataset)
    batches = [trainer.data_collator(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
    started, total = time.process_time(), 0.0
    for batch in batches:
        trainer.model.zero_grad()
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        total += loss.item()
    return time.process_time() - started, total


def trainer_of(shown: Sequence[Tokens], *, packed: bool, directory: str) -> ImitationTrainer:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    tokenizer.add_special_tokens({"pad_token": "<pad>", "eos_token": "<end>"})
    return ImitationTrainer(
        held_out=[],
        pad=0,
        model=model(),
        args=SFTConfig(
            output_dir=directory,
            padding_free=packed,
            dataset_kwargs={"skip_prepare_dataset": True},
            use_cpu=True,
            bf16=False,
            report_to="none",
            max_length=None,
            activation_checkpointing=False,
        ),
        train_dataset=sft.dataset(shown),
        processing_class=tokenizer,
    )


def model() -> Any:
    torch.manual_seed(17)
    shape = {"hidden_size": 256, "intermediate_size": 683, "num_hidden_layers": 4, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCAB, max_position_embeddings=2 * LONGEST, **shape))


if __name__ == "__main__":
    main()

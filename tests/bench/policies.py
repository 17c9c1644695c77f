"""What both sides of the benchmark of PPO start from: policies of random words, and their prompts.

Every token is a word of its own, so that random tokens survive the way through text by which answers are judged.
"""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from training.ml.backbones import bases
from training.ml.run.rundir import RunDirectory, write_json

PAD, BEGIN, END, UNKNOWN = SPECIAL = ("<pad>", "<s>", "</s>", "<unknown>")
TEMPLATE = "{{ bos_token }}{% for message in messages %}{{ ' ' + message['content'] }}{% endfor %}"
HEAD_WIDTH = 32
RANK = 16  # of the reward model's adapter
TEST = 16  # prompts that nothing is learnt from


@dataclass(frozen=True, kw_only=True)
class Model:
    name: str
    layers: int
    width: int
    vocabulary: int = 4096


@dataclass(frozen=True, kw_only=True)
class Start:
    """A policy and a reward model on disk, and prompts to answer: `ids` by prompt, the first TEST held out.

    `reward`: trained with adapters over the policy, as its run says; `apart`: the same without its adapter.
    """

    policy: Path
    reward: Path
    apart: Path
    prompts: Path
    ids: list[list[int]]


MODELS = (Model(name="tiny", layers=4, width=256), Model(name="mid", layers=8, width=512))


def made(directory: Path, model: Model, *, prompt: int, answer: int, prompts: int, seed: int) -> Start:
    """`prompt` and `answer`: tokens; a prompt's begin token is one of them."""
    torch.manual_seed(seed)
    words = tokenizer(model)
    shape = config(model, longest=prompt + answer)
    LlamaForCausalLM(shape).save_pretrained(directory / "policy")
    words.save_pretrained(directory / "policy")
    judge = judged(RunDirectory(directory / "judge"), policy=directory / "policy", words=words)
    draw = random.Random(seed)
    drawn = [
        [draw.randrange(len(SPECIAL), model.vocabulary) for _ in range(prompt - 1)] for _ in range(prompts + TEST)
    ]
    write(directory / "prompts.jsonl", [" ".join(map(word, ids)) for ids in drawn])
    return Start(
        policy=directory / "policy",
        reward=judge,
        apart=Path(shutil.copytree(judge, directory / "apart")),
        prompts=directory / "prompts.jsonl",
        ids=[[SPECIAL.index(BEGIN), *ids] for ids in drawn],
    )


def judged(run: RunDirectory, *, policy: Path, words: Any) -> Path:
    """A reward model as a run with adapters leaves it: random ones, on every linear layer."""
    shape = LoraConfig(
        r=RANK,
        lora_alpha=2 * RANK,
        target_modules="all-linear",
        modules_to_save=["score"],
        init_lora_weights=False,
        task_type=TaskType.SEQ_CLS,
    )
    model = get_peft_model(LlamaForSequenceClassification.from_pretrained(policy, num_labels=1), shape)
    model.save_pretrained(str(run.adapter))
    model.merge_and_unload().save_pretrained(run.model)
    words.save_pretrained(run.model)
    write_json(run.report, {"base": {"sha256": bases.hash_of_weights(policy)}})
    return run.model


def write(path: Path, texts: list[str], *, test: int = TEST) -> None:
    lines = (
        {
            "id": f"{number:04}",
            "messages": [{"role": "user", "content": text}],
            "split": "test" if number < test else "train",
        }
        for number, text in enumerate(texts)
    )
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def word(token: int) -> str:
    return f"w{token}"


def tokenizer(model: Model) -> Any:
    known = [*SPECIAL, *map(word, range(len(SPECIAL), model.vocabulary))]
    words = Tokenizer(models.WordLevel({name: place for place, name in enumerate(known)}, unk_token=UNKNOWN))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        unk_token=UNKNOWN,
        chat_template=TEMPLATE,
    )


def config(model: Model, *, longest: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=model.vocabulary,
        hidden_size=model.width,
        intermediate_size=model.width * 8 // 3,
        num_hidden_layers=model.layers,
        num_attention_heads=model.width // HEAD_WIDTH,
        max_position_embeddings=2 * longest,
        tie_word_embeddings=True,
        num_labels=1,
        pad_token_id=SPECIAL.index(PAD),
        bos_token_id=SPECIAL.index(BEGIN),
        eos_token_id=SPECIAL.index(END),
    )

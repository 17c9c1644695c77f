"""Policies of a few tokens, answers of theirs and runs that teach them, for the tests of learning from rewards.

The bandits' base is a real Llama over ten tokens, so that every answer can be written down with its probability.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.training.ml.tiny_models import Items
from training.ml import knobs
from training.ml.data import conversations
from training.ml.rl.rollouts import Prompt, Rollout
from training.ml.run.rundir import Config, RewardReference, RunDirectory

HERE = "tests.training.ml.rl.policies"
LETTERS = ("a", "b", "c", "d", "e", "f", "g")
WORDS = ("<pad>", "<end>", "<user>", *LETTERS)
PAD, END = 0, 1
TABLE = {"a": 1.0, "b": 0.6, "c": -0.4, "d": 0.3}  # of a text; 0 of all others
TEMPLATE = "{% for message in messages %}{{ '<user> ' + message['content'] + ' ' }}{% endfor %}"
SMALL = {
    "device": "cpu",
    "threads": "1",
    "max_length": "16",
    "max_new_tokens": "3",
    "temperature": "1",
    "batch_size": "64",
    "rollout_size": "16",
    "missing_eos": "off",
    "eval_prompts": "8",
}


def table(prompts: Sequence[Any], completions: Sequence[str]) -> list[float]:
    return [TABLE.get(text, 0.0) for text in completions]


def count(prompts: Sequence[Any], completions: Sequence[str]) -> list[float]:
    """How many times the answer says a."""
    return [float(text.split().count("a")) for text in completions]


def against(prompts: Sequence[Any], completions: Sequence[str]) -> list[float]:
    """The opposite of `count`."""
    return [-value for value in count(prompts, completions)]


def base(directory: Path, *, seed: int = 3, spread: float = 0.4) -> Path:
    """`spread`: of its random weights; without it every token is as likely as any other."""
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        initializer_range=spread,
        pad_token_id=PAD,
        bos_token_id=None,
        eos_token_id=END,
    )
    LlamaForCausalLM(shape).save_pretrained(directory)
    tokenizer().save_pretrained(directory)
    return directory


def tokenizer() -> Any:
    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="g"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="<end>",
        additional_special_tokens=["<user>"],
        chat_template=TEMPLATE,
        model_max_length=16,
        clean_up_tokenization_spaces=False,
    )


def make_run(
    directory: Path,
    *,
    base: Path,
    rewards: Sequence[str] = ("count",),
    held_out: Sequence[str] = (),
    prompts: int = 24,
    seed: int = 17,
    **values: str,
) -> RunDirectory:
    """A run of PPO; a third of its prompts is held out. `rewards`: functions of this module, or paths."""
    run = RunDirectory(directory)
    references = [reference(name, held_out=name in held_out) for name in (*rewards, *held_out)]
    run.write_config(
        Config(
            name="run",  # reports of two runs must not differ by their names
            kind="ppo",
            release=None,
            base=str(base),
            seed=seed,
            knobs=knobs.as_json(knobs.parse("ppo", SMALL | values)),
            rewards=tuple(references),
        )
    )
    run.prompts.write_text("".join(json.dumps(line) + "\n" for line in asked(prompts)))
    return run


def reference(name: str, *, held_out: bool = False) -> RewardReference:
    source = name if "/" in name else f"{HERE}:{name}"
    return RewardReference(source=source, weight=1.0, hash="", held_out=held_out)


def asked(number: int) -> Iterator[dict[str, Any]]:
    """Prompts of which each of the first letters asks for its share."""
    for place in range(number):
        content = LETTERS[place % 2]
        split = "train" if place % 3 else "test"
        yield {"id": f"p{place}", "messages": [{"role": "user", "content": content}], "split": split}


def questions() -> list[list[int]]:
    """The tokens of the distinct prompts."""
    messages = {line["messages"][0]["content"]: line["messages"] for line in asked(6)}
    return [conversations.prompt_ids(tokenizer(), found) for found in messages.values()]


def answers(longest: int) -> list[list[int]]:
    """All that can be answered: up to the end token, or so many tokens."""
    return [
        list(tokens)
        for length in range(1, longest + 1)
        for tokens in itertools.product(range(len(WORDS)), repeat=length)
        if END not in tokens[:-1] and (tokens[-1] == END or length == longest)
    ]


def log_probs(path: Path, prompt: list[int], found: Sequence[list[int]]) -> Tensor:
    """Of whole answers by the saved model, padded and by transformers alone, in fp64: (A,)"""
    model = LlamaForCausalLM.from_pretrained(path, dtype=torch.float64)
    longest = max(map(len, found))
    ids = torch.tensor([prompt + answer + [PAD] * (longest - len(answer)) for answer in found])
    with torch.no_grad():
        said = model(ids).logits[:, len(prompt) - 1 : -1].double().log_softmax(-1)  # (A, longest, V)
    tokens = said.gather(2, ids[:, len(prompt) :, None]).squeeze(2)
    real = torch.arange(longest)[None] < torch.tensor([len(answer) for answer in found])[:, None]
    return (tokens * real).sum(1)


def texts(found: Sequence[list[int]]) -> list[str]:
    decode = tokenizer().decode
    return [decode(answer, skip_special_tokens=True) for answer in found]


def rollouts(items: Items) -> list[Rollout]:
    """Answers of tests/training/ml/tiny_models.py, as if they had been drawn."""
    return [
        Rollout(prompt=Prompt(id=f"{place}", messages=[], ids=prompt), answer=answer, text="", ended=True)
        for place, (prompt, drawn) in enumerate(items)
        for answer in drawn
    ]

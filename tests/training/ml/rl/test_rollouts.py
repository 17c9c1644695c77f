"""Drawing answers: what is drawn, when it ends, and that it hangs on the prompt, the draw and the weights alone."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.ml import tiny_models
from tests.training.ml.rl import policies
from training.ml.rl import rollouts
from training.ml.rl.rollouts import Local, Prompt, Rollout

NAMES = ["llama", "qwen2", "qwen3", "gpt2"]
PAD, END = 0, 2


def prompts(number: int = 9, *, vocab: int = tiny_models.VOCAB, seed: int = 5) -> list[Prompt]:
    draw = random.Random(seed)
    return [
        Prompt(id=f"p{place}", messages=[], ids=[draw.randrange(3, vocab) for _ in range(draw.randint(1, 12))])
        for place in range(number)
    ]


class Plain:
    """A tokenizer of numbers."""

    eos_token_id, pad_token_id = END, PAD

    def decode(self, tokens: Sequence[int], *, skip_special_tokens: bool) -> str:
        return " ".join(str(token) for token in tokens if not (skip_special_tokens and token <= END))


def local(model: Any, **changes: Any) -> Local:
    values = {"max_new_tokens": 10, "temperature": 1.0, "seed": 7, "batch_size": 4}
    return Local(model=model, tokenizer=Plain(), **values | changes)


def answers(found: Sequence[Rollout]) -> list[list[int]]:
    return [rollout.answer for rollout in found]


def test_an_answer_ends_at_its_end_token_and_its_text_has_no_special_ones() -> None:
    found = rollouts.rollout_of(prompts(1)[0], [9, 8, END, 7, 6], Plain())
    assert (found.answer, found.text, found.ended) == ([9, 8, END], "9 8", True)


def test_an_answer_without_its_end_says_so() -> None:
    found = rollouts.rollout_of(prompts(1)[0], [9, 8], Plain())
    assert (found.answer, found.text, found.ended) == ([9, 8], "9 8", False)


def test_a_text_holds_no_nul() -> None:
    class Nul(Plain):
        def decode(self, tokens: Sequence[int], *, skip_special_tokens: bool) -> str:
            return "a\x00b"

    assert rollouts.rollout_of(prompts(1)[0], [5], Nul()).text == "a\ufffdb"


@pytest.mark.parametrize("name", NAMES)
def test_near_temperature_zero_the_answers_are_those_of_greedy_generation(name: str) -> None:
    """By transformers, one prompt at a time and without padding."""
    model = tiny_models.language_model(tiny_models.DECODERS[name]())
    found = local(model, temperature=1e-4)(prompts(), draw="one")
    assert answers(found) == [greedy(model, prompt.ids) for prompt in prompts()]


def greedy(model: Any, ids: list[int]) -> list[int]:
    made = model.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=10,
        do_sample=False,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    return rollouts.up_to(made[0, len(ids) :].tolist(), END)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_is_what_the_numbers_say_token_by_token(name: str) -> None:
    """Without a cache, a batch or padding, in fp64; some answers end early and leave the batch."""
    model = tiny_models.language_model(tiny_models.DECODERS[name]())
    asked = prompts(12)
    found = local(model, batch_size=12, temperature=0.8)(asked, draw="step 3")
    assert answers(found) == [by_hand(model, prompt, temperature=0.8) for prompt in asked]


def by_hand(model: Any, prompt: Prompt, *, temperature: float) -> list[int]:
    numbers = rollouts.stream(seed=7, prompt=prompt.id, draw="step 3", length=10)
    answer: list[int] = []
    for number in numbers:
        with torch.no_grad():
            logits = model(torch.tensor([prompt.ids + answer])).logits[0, -1].double() / temperature
        reached = 0.0
        for token, share in enumerate(logits.softmax(0).tolist()):
            reached += share
            if reached > number:
                answer.append(token)
                break
        if answer[-1] == END:
            break
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_does_not_hang_on_what_shares_its_batch(name: str) -> None:
    model = tiny_models.language_model(tiny_models.DECODERS[name]())
    asked = prompts()
    together = local(model, batch_size=9)(asked, draw="one")
    alone = local(model, batch_size=1)(asked, draw="one")
    mixed = local(model, batch_size=4)(asked[::-1], draw="one")[::-1]
    assert answers(together) == answers(alone) == answers(mixed)
    assert [rollout.prompt for rollout in together] == asked


def ending(model: Any, *, often: float) -> Any:
    """Its end token is likelier than it was."""
    head = torch.nn.Linear(32, tiny_models.VOCAB, dtype=model.lm_head.weight.dtype)
    head.load_state_dict({"weight": model.lm_head.weight, "bias": torch.zeros(tiny_models.VOCAB)})
    head.bias.data[END] = often
    model.lm_head = head
    return model


def test_answers_that_end_leave_the_batch_and_the_others_write_on() -> None:
    model = ending(tiny_models.language_model(tiny_models.DECODERS["llama"]()), often=4.0)
    asked, sizes = prompts(24), []
    hook = model.register_forward_hook(lambda module, given, said: sizes.append(len(said.logits)), always_call=False)
    found = local(model, batch_size=24)(asked, draw="step 3")
    hook.remove()
    assert 4 <= sum(rollout.ended for rollout in found) < 24
    assert all((rollout.answer[-1] == END) == rollout.ended for rollout in found)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 24 > sizes[-1]
    assert answers(found) == [by_hand(model, prompt, temperature=1.0) for prompt in asked]


def test_nothing_is_computed_once_all_answers_have_ended() -> None:
    model = ending(tiny_models.language_model(tiny_models.DECODERS["llama"]()), often=100.0)
    steps = []
    hook = model.register_forward_hook(lambda module, given, said: steps.append(1))
    found = local(model, batch_size=9)(prompts(), draw="one")
    hook.remove()
    assert answers(found) == [[END]] * 9
    assert len(steps) == 1


def test_a_draw_is_the_same_each_time_and_another_one_is_another() -> None:
    draw = local(tiny_models.language_model(tiny_models.DECODERS["llama"]()))
    first = answers(draw(prompts(), draw="step 1"))
    assert first == answers(draw(prompts(), draw="step 1"))
    assert first != answers(draw(prompts(), draw="step 2"))
    assert first != answers(replace(draw, seed=8)(prompts(), draw="step 1"))


def test_a_prompt_that_stands_twice_is_answered_twice() -> None:
    draw = local(tiny_models.language_model(tiny_models.DECODERS["llama"]()))
    once, twice = prompts(1), prompts(1) * 2
    first, second = answers(draw(twice, draw="one"))
    assert [first] == answers(draw(once, draw="one"))
    assert first != second


def test_a_token_is_where_the_cumulative_distribution_passes_the_number() -> None:
    """Probabilities 1/2, 1/4, 1/4; a number that falls on an edge is the next token's."""
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log().repeat(6, 1)
    numbers = torch.tensor([0.0, 0.49, 0.5, 0.74, 0.75, 0.999999])
    found = rollouts.inverse_transform(logits, numbers.double(), temperature=1.0)
    assert found.tolist() == [0, 0, 1, 1, 2, 2]


def test_a_token_that_cannot_be_is_never_drawn() -> None:
    logits = torch.tensor([[-math.inf, 0.0, -math.inf]]).repeat(2, 1)
    numbers = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)  # the lowest and the highest there are
    assert rollouts.inverse_transform(logits, numbers, temperature=1.0).tolist() == [1, 1]


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.6])
def test_answers_are_as_frequent_as_the_policy_says(temperature: float) -> None:
    """5 000 answers of one token: Pearson's chi-square is below its 99.9 % quantile, 27.9 for 9 degrees of freedom.

    One fixed seed a temperature: there is no luck in it.
    """
    torch.manual_seed(4)
    logits = torch.randn(len(policies.WORDS))
    names = [f"p{place}" for place in range(5000)]
    numbers = [rollouts.stream(seed=7, prompt=name, draw="one", length=1)[0] for name in names]
    drawn = rollouts.inverse_transform(
        logits.repeat(len(names), 1), torch.from_numpy(np.array(numbers)), temperature=temperature
    )
    seen = torch.bincount(drawn, minlength=len(logits)).double()
    expected = (logits.double() / temperature).softmax(0) * len(names)
    assert float(((seen - expected).square() / expected).sum()) < 27.9


def test_answers_of_a_real_model_are_as_frequent_as_it_says() -> None:
    """1 500 answers of one token to one prompt; 86.7 is the 99.9 % quantile for 50 degrees of freedom.

    Tokens that are expected fewer than five times share a cell.
    """
    model = tiny_models.language_model(tiny_models.DECODERS["gpt2"]())
    ids = [5, 9, 30]
    asked = [Prompt(id=f"p{place}", messages=[], ids=ids) for place in range(1500)]
    drawn = [rollout.answer[0] for rollout in local(model, max_new_tokens=1, batch_size=500)(asked, draw="one")]
    with torch.no_grad():
        expected = model(torch.tensor([ids])).logits[0, -1].double().softmax(0) * len(asked)
    seen = torch.bincount(torch.tensor(drawn), minlength=len(expected)).double()
    rare = expected < 5
    cells = torch.cat([expected[~rare], expected[rare].sum()[None]])
    counts = torch.cat([seen[~rare], seen[rare].sum()[None]])
    assert 20 < len(cells) <= 51
    assert float(((counts - cells).square() / cells).sum()) < 86.7

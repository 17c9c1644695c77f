"""A packed row gives the scores, log-probabilities and gradients of each conversation alone."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor

from tests.training.ml import tiny_models
from training.ml import scoring
from training.ml.packed import packing

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
CLASSIFIERS = tiny_models.DECODERS | tiny_models.ENCODERS


def padded_scores(model: Any, items: tiny_models.Items) -> Tensor:
    ids, mask = scoring.padded(
        [prompt + answer for prompt, answers in items for answer in answers], pad=0, device="cpu"
    )
    return model(input_ids=ids, attention_mask=mask).logits.squeeze(-1)


def padded_log_probs(model: Any, items: tiny_models.Items, *, temperature: float) -> Tensor:
    pairs = [(prompt, answer) for prompt, answers in items for answer in answers]
    ids, mask = scoring.padded([prompt + answer for prompt, answer in pairs], pad=0, device="cpu")
    logits = model(input_ids=ids, attention_mask=mask).logits / temperature
    found = logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None]).squeeze(2)  # (R, L - 1)
    return torch.stack(
        [
            found[row, len(prompt) - 1 : len(prompt) + len(answer) - 1].sum()
            for row, (prompt, answer) in enumerate(pairs)
        ]
    )


def gradient(values: Tensor, model: Any) -> Tensor:
    """Of a loss in which every answer counts and counts otherwise, in all that is trained."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    weights = torch.linspace(-1, 2, len(values), dtype=values.dtype)
    found = torch.autograd.grad(torch.tanh(values) @ weights, parameters, allow_unused=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in found])


def distance(found: Tensor, wanted: Tensor) -> float:
    return float(((found - wanted).norm() / wanted.norm()).detach())


def assert_same(found: Tensor, wanted: Tensor, model: Any) -> None:
    tolerance = TOLERANCES[wanted.dtype]
    assert distance(found, wanted) < tolerance
    assert distance(gradient(found, model), gradient(wanted, model)) < tolerance


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("name", tiny_models.DECODERS)
def test_a_decoder_scores_a_row_as_it_scores_each_conversation(name: str, share: bool, dtype: torch.dtype) -> None:
    model, items = tiny_models.classifier(tiny_models.DECODERS[name](), dtype), tiny_models.items(1)
    packed = packing.pack(items, share=share, device="cpu")
    assert_same(packing.scores(model, packed), padded_scores(model, items), model)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", tiny_models.ENCODERS)
def test_an_encoder_scores_a_row_as_it_scores_each_conversation(name: str, dtype: torch.dtype) -> None:
    model, items = tiny_models.classifier(tiny_models.ENCODERS[name](), dtype), tiny_models.items(2)
    packed = packing.pack(items, share=False, device="cpu")
    assert_same(packing.scores(model, packed), padded_scores(model, items), model)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2"])
def test_log_probabilities_of_answers_are_those_of_each_conversation(
    name: str, share: bool, dtype: torch.dtype
) -> None:
    model, items = tiny_models.language_model(tiny_models.DECODERS[name](), dtype), tiny_models.items(3)
    packed = packing.pack(items, share=share, device="cpu")
    found = packing.answer_log_probs(model, packed, temperature=0.7)
    assert_same(found, padded_log_probs(model, items, temperature=0.7), model)


@pytest.mark.parametrize("count", range(1, 10))
def test_any_number_of_answers_shares_a_prompt(count: int) -> None:
    model, items = tiny_models.classifier(tiny_models.DECODERS["llama"]()), tiny_models.items(count, answers=(count,))
    packed = packing.pack(items, share=True, device="cpu")
    assert_same(packing.scores(model, packed), padded_scores(model, items), model)


def test_lora_trains_as_it_does_on_each_conversation() -> None:
    lora = LoraConfig(r=4, target_modules="all-linear", modules_to_save=["score"], task_type=TaskType.SEQ_CLS)
    model = with_adapters(tiny_models.classifier(tiny_models.DECODERS["llama"]()), lora)
    items = tiny_models.items(4)
    packed = packing.pack(items, share=True, device="cpu")
    assert_same(packing.scores(model, packed), padded_scores(model, items), model)


def test_lora_switched_off_is_the_reference() -> None:
    lora = LoraConfig(r=4, target_modules="all-linear", task_type=TaskType.CAUSAL_LM)
    base = tiny_models.language_model(tiny_models.DECODERS["llama"]())
    items = tiny_models.items(5)
    packed = packing.pack(items, share=True, device="cpu")
    wanted = packing.answer_log_probs(base, packed).detach()
    model = with_adapters(base, lora)
    assert distance(packing.answer_log_probs(model, packed), wanted) > 1e-2
    with model.disable_adapter():
        assert torch.equal(packing.answer_log_probs(model, packed), wanted)


def with_adapters(model: Any, lora: LoraConfig) -> Any:
    """Adapters that have been trained a little: they start as zero."""
    with warnings.catch_warnings():
        # peft asks transformers by a name that is going away; nothing of ours does.
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)
        wrapped = get_peft_model(model, lora).eval()
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return wrapped


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_neither_company_nor_order_changes_a_score(name: str) -> None:
    model, items = tiny_models.classifier(CLASSIFIERS[name]()), tiny_models.items(6, answers=(3, 5, 2))
    share = name in tiny_models.DECODERS

    def of(chosen: tiny_models.Items) -> Tensor:
        return packing.scores(model, packing.pack(chosen, share=share, device="cpu"))

    together, turned = of(items), of(items[::-1])
    alone = torch.cat([of([item]) for item in items])
    assert distance(together, alone) < 1e-6
    assert distance(torch.cat([turned[7:], turned[2:7], turned[:2]]), alone) < 1e-6


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_gives_the_same_gradient(reentrant: bool) -> None:
    model, items = tiny_models.classifier(tiny_models.DECODERS["llama"]()), tiny_models.items(7)
    packed = packing.pack(items, share=True, device="cpu")
    wanted = backward(packing.scores(model, packed), model)
    model.activation_checkpointing_enable({"use_reentrant": reentrant})
    model.enable_input_require_grads()
    model.train()
    assert distance(backward(packing.scores(model, packed), model), wanted) < 1e-6


def backward(values: Tensor, model: Any) -> Tensor:
    model.zero_grad(set_to_none=True)
    values.square().sum().backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_half_precision_stays_as_near_as_a_padded_batch() -> None:
    model, items = tiny_models.classifier(tiny_models.DECODERS["llama"]()), tiny_models.items(8)
    packed = packing.pack(items, share=True, device="cpu")
    exact = padded_scores(model, items)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, wanted = packing.scores(model, packed), padded_scores(model, items)
    assert distance(found.float(), exact) < 2 * distance(wanted.float(), exact)


def test_a_row_holds_each_prompt_once_and_no_padding() -> None:
    packed = packing.pack([([5, 6], [[7], [8, 9]]), ([4], [[3]])], share=True, device="cpu")
    assert packed.ids.tolist() == [[5, 6, 7, 8, 9, 4, 3]]
    assert packed.positions.tolist() == [[0, 1, 2, 2, 3, 0, 1]]
    assert packed.starts.tolist() == [0, 0, 5]
    assert packed.ends.tolist() == [2, 4, 6]
    assert packed.predictors.tolist() == [1, 1, 3, 5]
    assert packed.targets.tolist() == [7, 8, 9, 3]
    assert packed.owners.tolist() == [0, 1, 1, 2]


def test_a_row_that_shares_nothing_holds_a_prompt_for_every_answer() -> None:
    packed = packing.pack([([5, 6], [[7], [8, 9]])], share=False, device="cpu")
    assert packed.ids.tolist() == [[5, 6, 7, 5, 6, 8, 9]]
    assert packed.positions.tolist() == [[0, 1, 2, 0, 1, 2, 3]]
    assert packed.starts.tolist() == [0, 3]
    assert packed.ends.tolist() == [2, 6]
    assert packed.predictors.tolist() == [1, 4, 5]


@pytest.mark.parametrize("items", [[], [([], [[1]])], [([1], [])], [([1], [[2], []])]])
def test_nothing_empty_is_packed(items: tiny_models.Items) -> None:
    with pytest.raises(ValueError, match="pack"):
        packing.pack(items, share=True, device="cpu")


def test_the_model_is_a_plain_one_afterwards(tmp_path: Path) -> None:
    model = tiny_models.classifier(tiny_models.DECODERS["llama"]())
    model.save_pretrained(tmp_path / "before")
    packing.scores(model, packing.pack(tiny_models.items(9), share=True, device="cpu"))
    model.save_pretrained(tmp_path / "after")
    assert model.config._attn_implementation == "sdpa"
    assert (tmp_path / "after/config.json").read_text() == (tmp_path / "before/config.json").read_text()

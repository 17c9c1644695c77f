"""Trainers on real tiny models: what moved, what was saved, what the report says."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
)

from tests.training.ml import builders
from training.ml import scoring
from training.ml.data.conversations import tokens_of
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training

CONVERSATIONS = [
    [{"role": "user", "content": "Question 3?"}, {"role": "assistant", "content": "Thank you, 3 it is."}],
    [{"role": "user", "content": "Question 4?"}, {"role": "assistant", "content": "No."}],
    [{"role": "user", "content": "A longer question than these, 5?"}, {"role": "assistant", "content": "Go away 5!"}],
]


def scores(model, tokenizer, conversations) -> list[float]:
    """The reward of each conversation, whose last message is the answer."""
    sequences = [tokens_of(tokenizer, prompt, answer["content"]).ids for *prompt, answer in conversations]
    return scoring.score(model, sequences, pad=tokenizer.pad_token_id)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "model.safetensors")


def test_fine_tuning_from_nothing_lowers_the_held_out_loss(policy: RunDirectory) -> None:
    report = builders.report_of(policy)
    assert report["held_out"]["n"] == 20
    assert report["held_out"]["loss_after"] < 0.7 * report["held_out"]["loss_before"]
    assert report["resolved"]["lora"] is False


def test_the_logged_loss_goes_down_step_by_step(policy: RunDirectory) -> None:
    losses = [record["loss"] for record in policy.read_metrics()]
    assert len(losses) == 17
    assert losses[0] > losses[5] > losses[10] > losses[-1]


def test_fine_tuning_moves_every_weight_of_the_tiny_base(policy: RunDirectory) -> None:
    before, after = weights(policy.base), weights(policy.model)
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_a_policy_loads_as_any_model_and_knows_its_template(policy: RunDirectory) -> None:
    model = AutoModelForCausalLM.from_pretrained(policy.model)
    tokenizer = AutoTokenizer.from_pretrained(policy.model)
    assert model.config.pad_token_id == tokenizer.pad_token_id != tokenizer.eos_token_id
    assert tokenizer.apply_chat_template(CONVERSATIONS[0], tokenize=False).endswith("Thank you, 3 it is.<|end|>")


def test_a_reward_model_learns_a_taste_it_can_learn(reward_model: RunDirectory) -> None:
    report = builders.report_of(reward_model)
    found = report["held_out"]["accuracy"]
    assert (found["n_pairs"], found["n_prompts"]) == (20, 20)
    assert found["value"] >= 0.9
    assert report["held_out"]["baselines"]["majority"]["value"] == 0.5
    assert "held-out accuracy" in report["headline"]


def test_a_report_says_where_the_accuracy_comes_from(reward_model: RunDirectory) -> None:
    """One person, no strengths, one policy; 20 prompts of two answers, each judged once."""
    held_out = builders.report_of(reward_model)["held_out"]
    names = {"strength": "none", "annotator": "a", "policies": "unknown | unknown"}
    for kind, name in names.items():
        assert held_out["slices"][kind] == {"parts": [{"name": name} | held_out["accuracy"]], "rest": None}
    assert held_out["human_ceiling"]["value"] is None
    assert held_out["calibration"]["n"] == sum(row["n"] for row in held_out["calibration"]["bins"]) == 20
    assert held_out["length"]["n"] == 40


def test_under_lora_only_adapters_and_head_are_trained(reward_model: RunDirectory) -> None:
    train = builders.report_of(reward_model)["train"]
    names = load_file(reward_model.adapter / "adapter_model.safetensors").keys()
    assert 0.05 < train["trained_parameters"] / train["parameters"] < 0.9
    assert all(".lora_" in name or ".score." in name for name in names)
    assert any(".score." in name for name in names)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # peft's, as in builders.train
def test_a_merged_reward_model_scores_as_its_adapter_does(reward_model: RunDirectory, policy: RunDirectory) -> None:
    from peft import PeftModel

    tokenizer = AutoTokenizer.from_pretrained(reward_model.model)
    merged = AutoModelForSequenceClassification.from_pretrained(reward_model.model)
    base = AutoModelForSequenceClassification.from_pretrained(
        policy.model, num_labels=1, pad_token_id=tokenizer.pad_token_id
    )
    adapted = PeftModel.from_pretrained(base, reward_model.adapter)
    assert scores(merged, tokenizer, CONVERSATIONS) == pytest.approx(
        scores(adapted, tokenizer, CONVERSATIONS), abs=1e-5
    )


def test_a_score_hangs_on_neither_neighbours_nor_padding_side(reward_model: RunDirectory) -> None:
    tokenizer = AutoTokenizer.from_pretrained(reward_model.model)
    model = AutoModelForSequenceClassification.from_pretrained(reward_model.model)
    together = scores(model, tokenizer, CONVERSATIONS)
    alone = [scores(model, tokenizer, [conversation])[0] for conversation in CONVERSATIONS]
    tokenizer.padding_side = "left"
    turned = scores(model, tokenizer, CONVERSATIONS[::-1])[::-1]
    assert alone == pytest.approx(together, abs=1e-5)
    assert turned == pytest.approx(together, abs=1e-5)
    assert len(set(together)) == 3


def test_a_reward_is_read_at_the_end_token(reward_model: RunDirectory) -> None:
    """With pad = end the pooling would stop one token early, and the end token would change nothing."""
    tokenizer = AutoTokenizer.from_pretrained(reward_model.model)
    model = AutoModelForSequenceClassification.from_pretrained(reward_model.model)
    ids = tokens_of(tokenizer, CONVERSATIONS[0][:1], "Thank you.").ids
    assert ids[-1] == tokenizer.eos_token_id
    whole, cut = scoring.score(model, [ids, ids[:-1]], pad=tokenizer.pad_token_id)
    assert whole != pytest.approx(cut, abs=1e-6)


def test_dpo_moves_the_policy_towards_what_was_preferred(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    run = builders.make_run(
        tmp_path / "dpo", "dpo", reference=comparisons, base=str(policy.model), values={"lora": "false"}
    )
    report = builders.train(run)
    assert report["held_out"]["accuracy"]["value"] >= 0.9
    assert report["train"]["loss_first"] > report["train"]["loss_last"]
    assert report["train"]["trained_parameters"] == report["train"]["parameters"]


def test_dpo_under_lora_keeps_the_base_as_reference(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    run = builders.make_run(tmp_path / "dpo", "dpo", reference=comparisons, base=str(policy.model))
    report = builders.train(run)
    assert report["train"]["loss_first"] == pytest.approx(0.693, abs=0.01)
    assert report["train"]["loss_first"] > report["train"]["loss_last"]
    AutoModelForCausalLM.from_pretrained(run.model)


def test_an_encoder_becomes_a_reward_model(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    run = builders.make_run(
        tmp_path / "run",
        "rm",
        reference=comparisons,
        base=str(encoder(tmp_path / "bert", policy)),
        values={"lora": "false", "epochs": "3"},
    )
    report = builders.train(run)
    tokenizer = AutoTokenizer.from_pretrained(run.model)
    model = AutoModelForSequenceClassification.from_pretrained(run.model)
    good, bad, _ = scores(model, tokenizer, CONVERSATIONS)
    assert report["held_out"]["accuracy"]["value"] >= 0.9
    assert good > bad


def test_an_encoder_can_be_trained_with_lora(
    tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory
) -> None:
    base = encoder(tmp_path / "bert", policy)
    run = builders.make_run(tmp_path / "run", "rm", reference=comparisons, base=str(base))
    train = builders.train(run)["train"]
    assert train["trained_parameters"] < train["parameters"]


def encoder(path: Path, policy: RunDirectory) -> Path:
    """A randomly initialised BERT with a tokenizer of its kind: [CLS] and [SEP], no chat template, no end token."""
    own = AutoTokenizer.from_pretrained(policy.model)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=own.backend_tokenizer,
        cls_token="<|begin|>",
        sep_token="<|end|>",
        pad_token="<|pad|>",
        model_max_length=128,
    )
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertForMaskedLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path

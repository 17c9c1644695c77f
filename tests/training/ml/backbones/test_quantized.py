"""Adapters on weights in four bits: who is refused, and, with bitsandbytes, that it trains and is whole."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from tests.training.ml import builders
from training.exceptions import InvalidKnob
from training.ml import rewards
from training.ml.backbones import quantized
from training.ml.run.rundir import ReleaseReference, RunDirectory

pytestmark = pytest.mark.training


def made(
    directory: Path, reference: ReleaseReference, *, base: Path, values: dict[str, str] | None = None
) -> RunDirectory:
    values = {"quantize": "4bit", **(values or {})}
    return builders.make_run(directory, "rm", reference=reference, base=str(base), values=values)


def test_without_a_gpu_it_is_refused(tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory) -> None:
    run = made(tmp_path / "run", comparisons, base=policy.model)
    with pytest.raises(InvalidKnob, match="quantize=4bit: needs a GPU with CUDA, and this run computes on cpu"):
        builders.train(run)
    assert not run.model.exists()


def test_without_adapters_it_is_refused(tmp_path: Path, comparisons: ReleaseReference, policy: RunDirectory) -> None:
    run = made(tmp_path / "run", comparisons, base=policy.model, values={"lora": "false"})
    with pytest.raises(InvalidKnob, match="quantize=4bit: weights in four bits cannot be trained"):
        builders.train(run)


def test_without_its_library_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InvalidKnob, match="bitsandbytes is not installed; pip install"):
        quantized.check(quantize="4bit", device="cuda", adapters=True)


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="the extra `quantize` is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")  # its own
@pytest.mark.parametrize("members", ["1", "2"])
def test_it_trains_and_what_is_saved_is_a_plain_model(
    tmp_path: Path,
    comparisons: ReleaseReference,
    policy: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    members: str,
) -> None:
    monkeypatch.setattr(quantized, "DEVICES", ("cuda", "cpu"))
    base = wide(tmp_path / "base", policy)
    run = made(tmp_path / "run", comparisons, base=base, values={"ensemble": members})
    report = builders.train(run)
    assert report["held_out"]["accuracy"]["value"] >= 0.9
    assert report["batches"]["prompts_read_once"] is True
    assert "quantization_config" not in json.loads((run.model / "config.json").read_text())
    assert AutoModelForSequenceClassification.from_pretrained(run.model).dtype == torch.float32
    thanks, rude = rewards.opened(run.model).score(
        [([{"role": "user", "content": "Question 3?"}], answer) for answer in ("Thank you, 3 it is.", "No. Go away!")]
    )
    assert thanks > rude


def wide(path: Path, policy: RunDirectory) -> Path:
    """A base whose layers hold whole blocks of 64 weights, as quantisation wants them."""
    tokenizer = AutoTokenizer.from_pretrained(policy.model)
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path

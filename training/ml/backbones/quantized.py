"""QLoRA (2305.14314): adapters in full precision on a backbone whose weights are held in four bits.

NormalFloat (nf4) with its constants quantised once more, computed in the run's precision; the head is not quantised.
What is saved is whole: after training the base is loaded once more as it is, and the adapter merged into that, so
that the result needs no bitsandbytes. Needs CUDA and the extra `quantize` (bitsandbytes).
"""

import importlib.util
from typing import Any

import torch
from peft import prepare_model_for_kbit_training
from transformers import BitsAndBytesConfig

from training.exceptions import InvalidKnob

OFF = "off"
DEVICES = ("cuda",)  # bitsandbytes knows CPUs too: for tests, too slow for use
HEADS = ["score", "classifier", "pre_classifier"]


def check(*, quantize: str, device: str, adapters: bool) -> None:
    """
    Raises:
        InvalidKnob: four bits that cannot be, and why.
    """
    if quantize == OFF:
        return
    if not adapters:
        raise InvalidKnob(f"quantize={quantize}: weights in four bits cannot be trained; adapters can: say lora=true")
    if device not in DEVICES:
        raise InvalidKnob(f"quantize={quantize}: needs a GPU with CUDA, and this run computes on {device}")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise InvalidKnob(f"quantize={quantize}: bitsandbytes is not installed; pip install '.[quantize]' brings it")


def config(*, precision: str) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
        llm_int8_skip_modules=HEADS,
    )


def prepared(model: Any) -> Any:
    """Frozen, and in fp32 but for what is quantised. Checkpointing of activations is the trainer's to switch on."""
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)

"""Knobs: defaults, texts, limits, and that they need no torch."""

import subprocess
import sys

import pytest

from tests.training.ml.builders import ROOT
from training.exceptions import InvalidKnob
from training.ml import knobs


@pytest.mark.parametrize("kind", knobs.KINDS)
def test_every_knob_is_described_and_its_default_can_be_said(kind: str) -> None:
    for description in knobs.describe(kind):
        assert description.help.endswith(".")
        assert knobs.parse(kind, {description.name: description.default}) == knobs.parse(kind, {})


@pytest.mark.parametrize("kind", knobs.KINDS)
def test_knobs_survive_config_json(kind: str) -> None:
    values = knobs.parse(kind, {"threads": "3"})
    assert knobs.from_json(kind, knobs.as_json(values)) == values


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        ("ppo", {}, "unknown kind of run 'ppo'"),
        ("rm", {"learnin_rate": "1"}, "unknown knob 'learnin_rate' for rm: expected one of accumulate"),
        ("rm", {"batch_size": "many"}, "batch_size=many: expected a whole number"),
        ("rm", {"batch_size": "0"}, "batch_size=0: expected at least 1"),
        ("rm", {"lora": "perhaps"}, "lora=perhaps: expected true or false or auto"),
        ("rm", {"epochs": "nan"}, "epochs=nan: expected a number"),
        ("dpo", {"label_smoothing": "0.7"}, "label_smoothing=0.7: expected at most 0.5"),
        ("rm", {"ties": "win"}, "ties=win: expected one of drop, half, davidson, rao-kupper"),
        ("rm", {"tie_width": "0"}, "tie_width=0.0: expected at least 0.01"),
        ("rm", {"tie_width": "0.5"}, "tie_width=0.5: says nothing with ties=drop"),
        ("dpo", {"tie_width": "0.5", "ties": "half"}, "tie_width=0.5: says nothing with ties=half"),
        ("sft", {"mix_ratio": "0.2"}, "mix_ratio=0.2: says nothing without mix; say that too"),
        ("rm", {"conservative": "min"}, "conservative=min: says nothing without ensemble"),
        ("rm", {"head_weight": "0.5"}, "head_weight=0.5: says nothing without heads"),
        ("rm", {"max_tokens": "2"}, "max_tokens=2: expected at least 32"),
        ("rm", {"loss": "plackett-luce", "ties": "davidson"}, "ties=davidson: a model of two answers"),
        ("rm", {"loss": "plackett-luce", "margin": "strength"}, "margin=strength: whole rankings know no margin"),
        ("sft", {"answers": "worst"}, "answers=worst: expected one of auto, demonstrations, best"),
        ("sft", {"tiny_width": "33"}, "tiny_width=33: expected a multiple of 32"),
    ],
)
def test_a_wrong_knob_gets_its_sentence(kind: str, values: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidKnob, match=f"^{sentence}"):
        knobs.parse(kind, values)


def test_knobs_and_run_directories_load_no_torch_and_no_django() -> None:
    program = (
        "import sys, training.ml.knobs, training.ml.run.rundir, training.ml.reporting.evaluation;"
        "print([m for m in ('torch', 'transformers', 'trl', 'django') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

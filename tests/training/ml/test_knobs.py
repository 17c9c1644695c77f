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
        ("kto", {}, "unknown kind of run 'kto'"),
        ("rm", {"learnin_rate": "1"}, "unknown knob 'learnin_rate' for rm: did you mean learning_rate"),
        ("rm", {"nothing_like_it": "1"}, "unknown knob 'nothing_like_it' for rm: expected one of accumulate"),
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
        ("ppo", {"tiny_width": "64"}, "unknown knob 'tiny_width' for ppo"),
        ("ppo", {"stop_on": "kl,gold"}, "stop_on=kl,gold: expected some of kl, entropy"),
        ("ppo", {"rollout_size": "10", "minibatches": "4"}, "minibatches=4: expected a divisor of rollout_size"),
        ("ppo", {"layout": "shared", "lora": "no"}, "layout=shared: needs adapters"),
        ("ppo", {"layout": "separate", "lora": "yes"}, "layout=separate: trains whole models"),
        ("ppo", {"server": "http://here:8000", "lora": "no"}, "server: only adapters can be pushed to it"),
        ("ppo", {"layout": "separate", "value_layers": "2"}, "value_layers=2: whole models learn whole"),
        ("ppo", {"kl_target": "3"}, "kl_target=3.0: says nothing without kl_controller"),
        ("ppo", {"missing_eos": "off", "missing_eos_value": "2"}, "missing_eos_value=2.0: says nothing with"),
        ("rloo", {"rollout_size": "10"}, "num_generations=4: expected a divisor of rollout_size"),
        ("ppo", {"accumulate": "2"}, "accumulate=2: expected at most 1"),
        ("ppo", {"logging_steps": "5"}, "logging_steps=5: expected at most 1"),
        ("rloo", {"save_steps": "5"}, "save_steps=5: saved at each measurement here; say eval_steps"),
        ("rloo", {"clip_range": "0.1"}, "clip_range=0.1: says nothing without iterations"),
        ("best_of_n", {"n": "0"}, "n=0: expected at least 1"),
    ],
)
def test_a_wrong_knob_gets_its_sentence(kind: str, values: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidKnob, match=f"^{sentence}"):
        knobs.parse(kind, values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("ppo", {"conservative": "true"}),  # of the ensemble that a reward model already is
        ("ppo", {"clip_range": "0.1"}),
        ("ppo", {"kl_controller": "adaptive", "kl_target": "3"}),
        ("ppo", {"stop_on": ""}),
        ("rloo", {"iterations": "2", "clip_range": "0.1"}),
        ("best_of_n", {"n": "1024", "conservative": "true"}),
    ],
)
def test_knobs_that_belong_together_are_taken(kind: str, values: dict[str, str]) -> None:
    assert knobs.from_json(kind, knobs.as_json(knobs.parse(kind, values))) == knobs.parse(kind, values)


def test_knobs_and_run_directories_load_no_torch_and_no_django() -> None:
    program = (
        "import sys, training.ml.knobs, training.ml.run.rundir, training.ml.reporting.evaluation;"
        "print([m for m in ('torch', 'transformers', 'trl', 'django') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

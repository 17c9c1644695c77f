"""The settings of every kind of run: one frozen dataclass a kind, each knob described once.

That description serves `--help`, the stored run and the docs. `None` stands for `auto`: the run resolves it, says
how in the knob's text, and writes what it chose into its report. Torch-free.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from types import NoneType
from typing import Any, get_args

from training.exceptions import InvalidKnob

AUTO = "auto"
TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
PREFERENCE_LOSSES = ("sigmoid", "ipo", "hinge")
SMOOTHED_BY_TRL = ("robust", "exo_pair", "aot", "aot_unpaired")
PAIRWISE_OF_TRL = ("nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm")
TRL_LOSSES = SMOOTHED_BY_TRL + PAIRWISE_OF_TRL


def knob(
    default: Any, text: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """A dataclass field with its description and its limits (`low` and `high` belong to the range)."""
    return field(default=default, metadata={"help": text, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class MachineKnobs:
    """Where and with what numbers a run computes."""

    device: str = knob(
        "auto", "auto (a GPU if there is one), cpu, cuda or mps.", choices=("auto", "cpu", "cuda", "mps")
    )
    precision: str = knob(
        "auto", "auto (bf16 on a GPU that has it, else fp32), fp32 or bf16.", choices=("auto", "fp32", "bf16")
    )
    threads: int | None = knob(None, "CPU threads; auto: all cores this process may use.", low=1, high=256)
    chat_template: str = knob(
        "", "Chat template for a tokenizer that has none: chatml. Empty: the tokenizer's own.", choices=("", "chatml")
    )


@dataclass(frozen=True, kw_only=True)
class TrainingKnobs(MachineKnobs):
    """What every training kind shares."""

    max_length: int = knob(
        512, "Longest conversation in tokens, prompt and answer; never more than the base's.", low=16
    )
    overlong: str = knob(
        "truncate",
        "A conversation over max_length: truncate (its beginning goes, the end of the prompt and the answer stay; an "
        "answer that alone is too long is dropped with its comparisons) or drop. Both are counted in the report.",
        choices=("truncate", "drop"),
    )
    batch_size: int = knob(16, "Examples in one forward pass on one device.", low=1)
    accumulate: int = knob(1, "Forward passes to one optimiser step.", low=1)
    max_steps: int | None = knob(None, "Stop after so many optimiser steps; auto: all epochs.", low=1)
    warmup_share: float = knob(0.03, "Share of the steps with a rising learning rate (Llama 2).", low=0, high=1)
    final_rate: float = knob(0.1, "The cosine ends at this share of the learning rate (InstructGPT).", low=0, high=1)
    weight_decay: float = knob(0.0, "AdamW weight decay.", low=0)
    adam_epsilon: float = knob(1e-5, "AdamW epsilon (N+ implementation details of RLHF, 2403.17031).", low=0)
    gradient_clip: float = knob(1.0, "Largest gradient norm.", low=0)
    gradient_checkpointing: bool = knob(
        False, "Less memory for about a fifth more time: activations are computed twice."
    )
    learning_rate: float | None = knob(None, "Peak learning rate; auto: each kind's own.", low=0)
    lora: bool | None = knob(
        None, "Train low-rank adapters, not all weights; auto: true, but false for a base that starts from nothing."
    )
    lora_rank: int = knob(16, "Rank of the adapters.", low=1)
    lora_alpha: int = knob(32, "Scale of the adapters (twice the rank, as usual).", low=1)
    save_steps: int | None = knob(
        None, "Steps between checkpoints; auto: ten checkpoints a run, at most 200 steps apart.", low=1
    )
    logging_steps: int = knob(5, "Steps between lines of metrics.jsonl.", low=1)
    tiny_vocab: int = knob(512, "Base tiny: tokens of its byte-level BPE.", low=300, high=65536)
    tiny_layers: int = knob(4, "Base tiny: layers.", low=1, high=64)
    tiny_width: int = knob(128, "Base tiny: hidden size, a multiple of 32.", low=32, high=4096)
    tiny_context: int = knob(512, "Base tiny: longest conversation in tokens.", low=32, high=65536)


@dataclass(frozen=True, kw_only=True)
class SftKnobs(TrainingKnobs):
    """Supervised fine-tuning on demonstrations, loss on the answer only."""

    epochs: float | None = knob(
        None, "Passes over the data; auto: 1, and 4 from nothing (our choice; no measurement on record).", low=0.01
    )
    learning_rate: float | None = knob(
        None,
        "Peak learning rate; auto: 2e-4 with LoRA, 2e-5 full (both TRL's defaults), 3e-3 for a base of under 20 "
        "million parameters (our choice; no measurement on record).",
        low=0,
    )
    answers: str = knob(
        "auto",
        "What is imitated: demonstrations (rows with one answer by people, and answers that annotators edited), best "
        "(the best-ranked answer of each judgement), or auto: demonstrations if the release has any, else best.",
        choices=("auto", "demonstrations", "best"),
    )


@dataclass(frozen=True, kw_only=True)
class RankingKnobs(TrainingKnobs):
    """What the kinds share that learn from comparisons: what these say, and how many share a forward pass."""

    batch_size: int = knob(
        4,
        "Prompts, each with all of its answers, in one forward pass on one device, as far as max_tokens allows. Of "
        "1, 2, 4, 8 and 16, 4 was best for a reward model on the demo's 68 prompts with four answers: held-out "
        "accuracy 0.74, 0.73, 0.76, 0.71 and 0.65 after one epoch, means of three seeds.",
        low=1,
    )
    max_tokens: int | None = knob(
        None,
        "Most tokens of one forward pass on one device; a prompt over it is split without losing a comparison, two "
        "answers that are over it by themselves stay whole. auto: twice batch_size x max_length, what as many pairs "
        "of full length would cost.",
        low=32,
    )
    labels: str = knob(
        "votes",
        "votes: each comparison weighs what its judgements weigh together (InstructGPT); shares: the comparisons of "
        "two answers weigh 1 together, so that disagreement is a soft label; majority: the side with more weight has "
        "won, and an even vote is a tie.",
        choices=("votes", "shares", "majority"),
    )
    weighting: str = knob(
        "prompt",
        "prompt: every prompt weighs the same however often it was judged (InstructGPT's 1/C(K, 2)); comparison: "
        "every comparison does.",
        choices=("prompt", "comparison"),
    )
    ties: str = knob(
        "drop",
        "drop: ties are counted and left out (InstructGPT); half: a tie is half a win each way; davidson, "
        "rao-kupper: a tie has a probability of its own (Davidson 1970; Rao and Kupper 1967).",
        choices=("drop", "half", "davidson", "rao-kupper"),
    )
    tie_width: float = knob(
        1.0986,
        "For davidson and rao-kupper: how far ahead in score an answer must be to be told from the other; log 3: a "
        "tie between equals is as likely as not (2409.17431).",
        low=0.01,
    )
    margin: str = knob(
        "off",
        "strength: a comparison with a strength is to be won by a margin, 0 slightly, 1/3 clearly, 2/3 much (Llama "
        "2).",
        choices=("off", "strength"),
    )


@dataclass(frozen=True, kw_only=True)
class RewardKnobs(RankingKnobs):
    """Reward model on rankings."""

    epochs: float = knob(1.0, "Passes over the prompts; more than one overfits (InstructGPT).", low=0.01)
    learning_rate: float | None = knob(
        None,
        "Peak learning rate; auto: 9e-6 full (InstructGPT 6B), 1e-4 with LoRA (TRL's default), 1e-3 for a base of "
        "under 20 million parameters (our choice; no measurement on record).",
        low=0,
    )
    loss: str = knob(
        "bradley-terry",
        "bradley-terry: every comparison of two answers (InstructGPT); plackett-luce: each ranking as a whole, "
        "answers tied within it after Efron; there ties=drop leaves out rankings that are one tie, ties=half keeps "
        "them.",
        choices=("bradley-terry", "plackett-luce"),
    )
    centering: float = knob(
        0.01, "Weight of the squared sum of the rewards of two compared answers (2312.09244); 0 is off.", low=0
    )


@dataclass(frozen=True, kw_only=True)
class DpoKnobs(RankingKnobs):
    """Direct preference optimisation on rankings; the base is the reference."""

    epochs: float = knob(1.0, "Passes over the prompts (DPO paper, 2305.18290).", low=0.01)
    learning_rate: float | None = knob(
        None,
        "Peak learning rate; auto: 1e-6 full (DPO paper), 1e-5 with LoRA (ten times as much), 2e-4 for a base of "
        "under 20 million parameters (our choice; no measurement on record).",
        low=0,
    )
    trainer: str = knob(
        "rankings",
        "rankings: each answer of a prompt is read once; trl: TRL's own trainer on strict pairs one by one, for its "
        "other losses: batch_size counts pairs; max_tokens, labels, weighting, ties, tie_width and margin stay at "
        "their defaults and say nothing there.",
        choices=("rankings", "trl"),
    )
    loss: str = knob(
        "sigmoid",
        "sigmoid (DPO paper); ipo: a squared distance to a lead of 1/(2 beta) in the mean log-ratio of a token "
        "(2310.12036); hinge (SLiC, 2305.10425). Tie models need sigmoid. The others need trainer=trl.",
        choices=PREFERENCE_LOSSES + TRL_LOSSES,
    )
    beta: float = knob(
        0.1, "Strength of the tie to the base; margin and tie_width count in beta x log-ratio (DPO paper).", low=1e-4
    )
    label_smoothing: float = knob(
        0.0,
        "Share of strict comparisons believed to be the wrong way round (cDPO); trl: for robust, exo_pair, aot and "
        "aot_unpaired alone.",
        low=0,
        high=0.5,
    )


@dataclass(frozen=True, kw_only=True)
class SampleKnobs(MachineKnobs):
    """Answers of a policy to prompts."""

    n: int = knob(4, "Answers to each prompt.", low=1, high=64)
    max_new_tokens: int = knob(256, "Longest answer in tokens.", low=1)
    temperature: float = knob(0.8, "0: always the likeliest token.", low=0, high=10)
    top_p: float = knob(
        0.95, "Sample from the likeliest tokens that hold this share (nucleus, 1904.09751).", low=0, high=1
    )
    batch_size: int = knob(64, "Answers generated side by side.", low=1)
    overlong: str = knob(
        "truncate",
        "A prompt that leaves no room for the answer: truncate (its beginning goes) or drop. Both are counted.",
        choices=("truncate", "drop"),
    )


Knobs = SftKnobs | RewardKnobs | DpoKnobs | SampleKnobs
KINDS: dict[str, type[SftKnobs] | type[RewardKnobs] | type[DpoKnobs] | type[SampleKnobs]] = {
    "sft": SftKnobs,
    "rm": RewardKnobs,
    "dpo": DpoKnobs,
    "sample": SampleKnobs,
}


@dataclass(frozen=True, kw_only=True)
class Description:
    """A knob as a person reads it: `default` is the text that `parse` would take."""

    name: str
    default: str
    help: str


def describe(kind: str) -> list[Description]:
    return [
        Description(name=item.name, default=as_text(item.default), help=item.metadata["help"])
        for item in fields(class_of(kind))
    ]


def parse(kind: str, values: Mapping[str, str]) -> Knobs:
    """The knobs of `kind` with `values` (from `--set name=value`) over the defaults.

    Raises:
        InvalidKnob: an unknown kind or name, or a value of the wrong kind or out of range; one sentence.
    """
    return build(kind, {name: typed(text, found(kind, name)) for name, text in values.items()})


def from_json(kind: str, values: Mapping[str, Any]) -> Knobs:
    """The knobs as `as_json` wrote them into config.json; the same checks as `parse`."""
    return parse(kind, {name: as_text(value) for name, value in values.items()})


def as_json(knobs: Knobs) -> dict[str, Any]:
    return asdict(knobs)


def class_of(kind: str) -> type[SftKnobs] | type[RewardKnobs] | type[DpoKnobs] | type[SampleKnobs]:
    if kind not in KINDS:
        raise InvalidKnob(f"unknown kind of run {kind!r}: expected one of {', '.join(KINDS)}")
    return KINDS[kind]


def build(kind: str, values: Mapping[str, Any]) -> Knobs:
    knobs = class_of(kind)(**values)
    if isinstance(knobs, TrainingKnobs) and knobs.tiny_width % 32:
        raise InvalidKnob(f"tiny_width={knobs.tiny_width}: expected a multiple of 32")
    if isinstance(knobs, RewardKnobs) and knobs.loss == "plackett-luce":
        check_listwise(knobs)
    if isinstance(knobs, DpoKnobs):
        CHECKS_OF_DPO[knobs.trainer](knobs)
    return knobs


def check_on_rankings(knobs: DpoKnobs) -> None:
    if knobs.loss not in PREFERENCE_LOSSES:
        raise InvalidKnob(f"loss={knobs.loss}: one of TRL's; say trainer=trl with it")
    if knobs.loss != "sigmoid" and knobs.ties not in ("drop", "half"):
        raise InvalidKnob(f"ties={knobs.ties}: a model for loss=sigmoid; with loss={knobs.loss} say drop or half")


def check_trl(knobs: DpoKnobs) -> None:
    for name in ("max_tokens", "labels", "weighting", "ties", "tie_width", "margin"):
        value, default = getattr(knobs, name), DpoKnobs.__dataclass_fields__[name].default
        if value != default:
            raise InvalidKnob(
                f"{name}={value}: TRL's trainer takes strict pairs one by one; leave it at {as_text(default)}"
            )
    if knobs.label_smoothing and knobs.loss not in SMOOTHED_BY_TRL:
        raise InvalidKnob(
            f"label_smoothing={knobs.label_smoothing}: TRL's loss {knobs.loss} has none; leave it at 0, or say "
            f"trainer=rankings or a loss that has it ({', '.join(SMOOTHED_BY_TRL)})"
        )
    if knobs.loss == "exo_pair" and not knobs.label_smoothing:
        raise InvalidKnob("loss=exo_pair: needs label_smoothing above 0; its paper has 0.001 (2402.00856)")
    if knobs.loss == "robust" and knobs.label_smoothing == 0.5:
        raise InvalidKnob("loss=robust: needs label_smoothing below 0.5")


CHECKS_OF_DPO = {"rankings": check_on_rankings, "trl": check_trl}


def check_listwise(knobs: RewardKnobs) -> None:
    if knobs.ties not in ("drop", "half"):
        raise InvalidKnob(f"ties={knobs.ties}: a model of two answers; with loss=plackett-luce say drop or half")
    if knobs.margin != "off":
        raise InvalidKnob(
            f"margin={knobs.margin}: whole rankings know no margin; leave it off, or loss=bradley-terry"
        )


def found(kind: str, name: str) -> "Field[Any]":
    known = {item.name: item for item in fields(class_of(kind))}
    if name not in known:
        raise InvalidKnob(f"unknown knob {name!r} for {kind}: expected one of {', '.join(sorted(known))}")
    return known[name]


def typed(text: str, item: "Field[Any]") -> Any:
    """`text` as the type of the field, within its limits."""
    kind, optional = type_of(item)
    if optional and text.strip().lower() == AUTO:
        return None
    try:
        value = READERS[kind](text.strip())
    except ValueError:
        hint = f"{NAMES[kind]} or auto" if optional else NAMES[kind]
        raise InvalidKnob(f"{item.name}={text}: expected {hint}") from None
    check_limits(value, item)
    return value


def check_limits(value: Any, item: "Field[Any]") -> None:
    low, high, choices = (item.metadata[name] for name in ("low", "high", "choices"))
    if choices and value not in choices:
        expected = ", ".join(choice or "nothing" for choice in choices)
        raise InvalidKnob(f"{item.name}={value}: expected one of {expected}")
    if low is not None and value < low:
        raise InvalidKnob(f"{item.name}={value}: expected at least {low}")
    if high is not None and value > high:
        raise InvalidKnob(f"{item.name}={value}: expected at most {high}")


def type_of(item: "Field[Any]") -> tuple[type, bool]:
    """The plain type of a field, and whether it may be auto."""
    parts = get_args(item.type) or (item.type,)
    return next(part for part in parts if part is not NoneType), NoneType in parts


def as_text(value: Any) -> str:
    if value is None or value is MISSING:
        return AUTO
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def read_bool(text: str) -> bool:
    if text.lower() in TRUE_WORDS:
        return True
    if text.lower() in FALSE_WORDS:
        return False
    raise ValueError(text)


def read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


READERS: dict[type, Any] = {bool: read_bool, int: int, float: read_float, str: str}
NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}

"""Reward models and DPO: what the comparisons of a release say, and what is learnt from them."""

from dataclasses import dataclass

from training.exceptions import InvalidKnob
from training.ml.knobs.fields import as_text, knob
from training.ml.knobs.training import FoundingKnobs

PREFERENCE_LOSSES = ("sigmoid", "ipo", "hinge")
SMOOTHED_BY_TRL = ("robust", "exo_pair", "aot", "aot_unpaired")
PAIRWISE_OF_TRL = ("nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm")
TIE_MODELS = ("davidson", "rao-kupper")
TRL_LOSSES = SMOOTHED_BY_TRL + PAIRWISE_OF_TRL


@dataclass(frozen=True, kw_only=True)
class RankingKnobs(FoundingKnobs):
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
        "won, and an even vote is a tie; consensus: each side weighs its probability, in a release exported with "
        "--labels consensus.",
        choices=("votes", "shares", "majority", "consensus"),
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
    centering: float = knob(0.01, "Weight of what draws rewards to zero while training; 0 is off.", low=0)
    centering_kind: str = knob(
        "pairs",
        "pairs: the squared sum of the rewards of two compared answers (2312.09244); batch: the squared mean of all "
        "answers of a forward pass (sum to zero, 2505.07271), which hangs on what shares it.",
        choices=("pairs", "batch"),
    )
    shift: bool = knob(
        True,
        "After training, move the score so that the answers of the train split have mean 0 (InstructGPT): in the "
        "head's bias, or where it has none in config.json.",
    )
    length_debias: str = knob(
        "off",
        "covariate: people's liking for long answers gets a term of its own in training, which the score leaves out "
        "(after 2404.04475).",
        choices=("off", "covariate"),
    )
    heads: str = knob(
        "off",
        "rubric: beside the score a head for each criterion of the rubric that the release has ratings of, trained "
        "at the same time on answers that one person rated differently (Bradley-Terry); the score itself is the "
        "first head.",
        choices=("off", "rubric"),
    )
    head_weight: float = knob(
        1.0,
        "With heads: what the mean of the criteria's losses weighs beside the loss of the score (our choice; no "
        "measurement on record).",
        low=0,
    )
    quantize: str = knob(
        "off",
        "4bit: the backbone's weights in four bits under the adapters (QLoRA, 2305.14314); needs CUDA, LoRA and the "
        "extra `quantize`.",
        choices=("off", "4bit"),
    )
    ensemble: int = knob(
        1,
        "Members of an ensemble: so many low-rank adapters with heads of their own on one frozen backbone, trained "
        "one after the other. Needs LoRA.",
        low=1,
        high=32,
    )
    ensemble_data: str = knob(
        "order",
        "What members differ in, beside the first weights of their adapters and heads: order (of the prompts) or "
        "bootstrap (each its own prompts, drawn with replacement).",
        choices=("order", "bootstrap"),
    )
    conservative: str = knob(
        "std",
        "An ensemble's conservative score: std (the mean less conservative_penalty standard deviations) or min (the "
        "worst member's); 2310.02743.",
        choices=("std", "min"),
    )
    conservative_penalty: float = knob(
        1.0, "Standard deviations that conservative=std takes off (our choice; no measurement on record).", low=0
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


def check_ties(knobs: RankingKnobs) -> None:
    """A width that no tie model reads is a mistake."""
    default = RankingKnobs.__dataclass_fields__["tie_width"].default
    if knobs.ties not in TIE_MODELS and knobs.tie_width != default:
        raise InvalidKnob(
            f"tie_width={knobs.tie_width}: says nothing with ties={knobs.ties}; say ties=davidson or rao-kupper "
            "with it"
        )


def check_labels(knobs: RankingKnobs) -> None:
    if knobs.labels == "consensus" and knobs.margin != "off":
        raise InvalidKnob(f"margin={knobs.margin}: a consensus knows no strength; leave it off, or say other labels")


def check_listwise(knobs: RewardKnobs) -> None:
    if knobs.ties not in ("drop", "half"):
        raise InvalidKnob(f"ties={knobs.ties}: a model of two answers; with loss=plackett-luce say drop or half")
    if knobs.labels == "consensus":
        raise InvalidKnob("labels=consensus: it is of two answers; with loss=plackett-luce say votes or shares")
    if knobs.margin != "off":
        raise InvalidKnob(
            f"margin={knobs.margin}: whole rankings know no margin; leave it off, or loss=bradley-terry"
        )

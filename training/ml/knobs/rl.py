"""Learning from rewards: PPO, RLOO and its kin, and best-of-n."""

from dataclasses import dataclass

from training.exceptions import InvalidKnob
from training.ml.knobs.fields import knob
from training.ml.knobs.sampling import SampleKnobs
from training.ml.knobs.training import TrainingKnobs

ALARMS = ("kl", "entropy", "length", "gap", "spread", "repetition")
RLOO_METHODS = ("rloo", "reinforce", "grpo")
TRACKERS = ("", "tensorboard", "wandb", "trackio")


@dataclass(frozen=True, kw_only=True)
class RewardingKnobs:
    """What an answer is given for what its reward models and functions say of it."""

    conservative: bool = knob(
        False, "Of an ensemble its conservative score, not its mean (2310.02743): members seldom err together."
    )
    normalise: bool = knob(
        False,
        "Scores less the mean of the base's own answers, over their standard deviation (1909.08593): one scale for "
        "every reward model.",
    )
    score_clip: float = knob(
        0.0, "Scores further from zero than this are cut to it, after normalise; 0 is off.", low=0
    )
    missing_eos: str = knob(
        "penalty",
        "An answer that did not end within max_new_tokens: penalty (missing_eos_value is taken off its reward), "
        "score (its reward is -missing_eos_value, whatever it says; 2403.17031) or off.",
        choices=("penalty", "score", "off"),
    )
    missing_eos_value: float = knob(1.0, "For missing_eos, in units of the reward (2403.17031).", low=0)
    check_reward: bool = knob(
        True,
        "Before the first step score each reward model's own held-out data once more by the way that rollouts take, "
        "and refuse to start where it does not say what its report says.",
    )


@dataclass(frozen=True, kw_only=True)
class GuardKnobs:
    """How far a policy may go, and what happens then. Measured on eval_prompts, where gold is the reward that is
    held out."""

    eval_prompts: int = knob(64, "Prompts of the test split that are answered at each measurement.", low=1)
    eval_steps: int | None = knob(
        None, "Steps between measurements, at which checkpoints are saved too; auto: ten in a run.", low=1
    )
    max_kl: float | None = knob(
        None,
        "Budget: nats an answer that the policy may be from the base; the best policy within it is kept. auto: none.",
        low=0,
    )
    min_entropy: float = knob(
        0.0, "Nats a token below which a policy has lost its variety (mode collapse); 0: none.", low=0
    )
    max_length_drift: float = knob(
        2.0, "Answers so many times longer, or shorter, than the base's (length hacking, 2310.03716); 0: none.", low=0
    )
    max_gap: float = knob(
        1.0,
        "The reward that is trained on has risen so many of the base's standard deviations more than the held-out "
        "one (over-optimisation, 2210.10760); 0: none.",
        low=0,
    )
    max_spread: float = knob(
        2.0,
        "Members of the ensemble so many times further apart than on the base's answers (2310.02743); 0: none.",
        low=0,
    )
    max_repetition: float = knob(0.5, "Share of an answer's 4-grams that stood in it before; 0: none.", low=0, high=1)
    stop_on: str = knob(
        "kl",
        f"Which of {', '.join(ALARMS)} end the run, with commas between; the others warn. Empty: none.",
    )


@dataclass(frozen=True, kw_only=True)
class RolloutKnobs(RewardingKnobs, GuardKnobs, TrainingKnobs):
    """What all share that learn from answers of their own."""

    learning_rate: float | None = knob(
        None,
        "Peak learning rate; auto: 3e-6 full (2403.17031), 3e-5 with LoRA (ten times as much), 3e-4 for a base of "
        "under 20 million parameters (our choice; no measurement on record).",
        low=0,
    )
    accumulate: int = knob(1, "A step takes as many passes of batch_size as it needs.", low=1, high=1)
    logging_steps: int = knob(1, "Every step has its line in metrics.jsonl.", low=1, high=1)
    max_steps: int | None = knob(None, "Stop after so many steps; auto: as many as episodes make.", low=1)
    save_steps: int | None = knob(
        None, "PPO: steps between checkpoints beside those of the measurements; auto: none beside them.", low=1
    )
    overlong: str = knob(
        "truncate",
        "A prompt that leaves no room for the answer: truncate (its beginning goes) or drop. Both are counted.",
        choices=("truncate", "drop"),
    )
    final_rate: float = knob(0.0, "The learning rate ends at this share of it (2403.17031: 0).", low=0, high=1)
    episodes: int | None = knob(
        None,
        "Answers drawn in all, in whole steps of rollout_size; auto: one to each prompt of the train split.",
        low=1,
    )
    rollout_size: int = knob(64, "Answers drawn at each step, over all devices.", low=2)
    max_new_tokens: int = knob(128, "Longest answer in tokens.", low=1)
    temperature: float = knob(
        0.7,
        "Of sampling; log-probabilities and KL are those of the policy at this temperature (2403.17031). Nothing is "
        "cut off the distribution: what top-p hides has a probability in training and none in sampling.",
        low=0.01,
        high=10,
    )
    server: str = knob(
        "",
        "URL of an OpenAI-compatible server (vLLM with adapters that can be loaded while it runs) that draws the "
        "answers; the adapter of every step is pushed to it. Empty: here.",
    )
    track: str = knob(
        "", "Who else is told of every step: tensorboard, wandb, trackio; nobody by default.", choices=TRACKERS
    )


@dataclass(frozen=True, kw_only=True)
class PpoKnobs(RolloutKnobs):
    """Proximal policy optimisation on text; the base is the reference."""

    batch_size: int = knob(16, "Answers in one forward pass on one device.", low=1)
    layout: str = knob(
        "auto",
        "shared: one frozen backbone whose adapters are the policy (off: the reference) and the value network; "
        "separate: three full models. auto: shared with LoRA, else separate.",
        choices=("auto", "shared", "separate"),
    )
    value_start: str = knob(
        "auto",
        "The value network starts from the first reward model (2403.17031) or from the base with a head of zeros; "
        "auto: from the reward model where it reads the same tokens with the same backbone.",
        choices=("auto", "reward", "base"),
    )
    value_layers: int | None = knob(
        None,
        "Layers of the value network that learn, counted from the top, where its backbone is shared; what lies below "
        "stays as it starts and is read once a step. auto: all that have adapters.",
        low=1,
    )
    value_rate: float = knob(1.0, "The value network's learning rate, as a multiple of the policy's.", low=0)
    ppo_epochs: int = knob(4, "Passes over the answers of a step (2403.17031).", low=1)
    minibatches: int = knob(1, "Optimiser steps that each pass is cut into (2403.17031).", low=1)
    clip_range: float = knob(
        0.2, "The ratio of new to old probability counts from 1 - this to 1 + this (1707.06347).", low=0
    )
    value_clip: float = knob(
        0.2, "A value may move so far from what it was at the rollout; 0 is off (2403.17031).", low=0
    )
    value_weight: float = knob(0.1, "Of the value loss beside the policy's (2403.17031).", low=0)
    entropy_weight: float = knob(0.0, "Bonus for each nat of entropy a token; keeps a policy from collapsing.", low=0)
    gamma: float = knob(
        1.0, "Discount a token (2403.17031): an answer's end is worth as much as its beginning.", low=0, high=1
    )
    gae_lambda: float = knob(
        0.95, "Generalised advantage estimation: 1 trusts returns, 0 the value network (1506.02438).", low=0, high=1
    )
    whiten_advantages: bool = knob(True, "Advantages of a step to mean 0 and variance 1 (2403.17031).")
    whiten_rewards: bool = knob(False, "Rewards a token to variance 1, their mean kept (2403.17031: off).")
    beta: float = knob(0.05, "KL coefficient: nats away from the base cost so much reward each (2403.17031).", low=0)
    kl_estimator: str = knob(
        "k1",
        "What a token's KL is estimated by in the reward: k1, the log-ratio (unbiased, may be negative), or k3 "
        "(never negative, less noisy; joschu.net/blog/kl-approx). Both are reported.",
        choices=("k1", "k3"),
    )
    kl_controller: str = knob(
        "fixed",
        "fixed, or adaptive: beta rises while the KL of a step is above kl_target and falls below it (1909.08593).",
        choices=("fixed", "adaptive"),
    )
    kl_target: float = knob(6.0, "For adaptive: nats an answer (1909.08593).", low=0.001)
    kl_horizon: int = knob(
        10_000, "For adaptive: over so many answers beta changes by about a fifth at most (1909.08593).", low=1
    )


@dataclass(frozen=True, kw_only=True)
class RlooKnobs(RolloutKnobs):
    """Policy gradients without a value network, by TRL's trainers: several answers to a prompt are each other's
    baseline."""

    batch_size: int = knob(16, "Answers in one forward pass on one device.", low=1)
    method: str = knob(
        "rloo",
        "rloo (each answer against the mean of the others to its prompt, 2402.14740), reinforce (against the mean of "
        "the step) or grpo (against its group's mean, over its standard deviation, 2402.03300).",
        choices=RLOO_METHODS,
    )
    num_generations: int = knob(4, "Answers to a prompt at each step (2402.14740: 2 to 4).", low=2, high=64)
    iterations: int = knob(1, "Passes over the answers of a step.", low=1)
    beta: float = knob(0.05, "KL coefficient; TRL's own default for GRPO is 0, ours never (2402.14740).", low=0)
    clip_range: float = knob(0.2, "As for PPO; says nothing in the first of the iterations.", low=0)


@dataclass(frozen=True, kw_only=True)
class BestOfNKnobs(RewardingKnobs, SampleKnobs):
    """The best of n answers by the reward; no weights are trained."""

    n: int = knob(16, "Answers to each prompt, the best of which is taken.", low=1, high=1024)
    temperature: float = knob(0.7, "Of sampling, as for PPO.", low=0.01, high=10)
    top_p: float = knob(1.0, "1: nothing is cut off, and the KL of best-of-n is what the report says.", low=0, high=1)
    max_new_tokens: int = knob(128, "Longest answer in tokens.", low=1)
    prompts_at_most: int = knob(256, "Prompts of the test split, at most.", low=1)


def check_rewarding(knobs: RewardingKnobs) -> None:
    default = RewardingKnobs.__dataclass_fields__["missing_eos_value"].default
    if knobs.missing_eos == "off" and knobs.missing_eos_value != default:
        raise InvalidKnob(
            f"missing_eos_value={knobs.missing_eos_value}: says nothing with missing_eos=off; leave one of them out"
        )


def check_alarms(knobs: GuardKnobs) -> None:
    for name in filter(None, knobs.stop_on.split(",")):
        if name.strip() not in ALARMS:
            raise InvalidKnob(f"stop_on={knobs.stop_on}: expected some of {', '.join(ALARMS)}, with commas between")


def check_ppo(knobs: PpoKnobs) -> None:
    check_alarms(knobs)
    if knobs.rollout_size % knobs.minibatches:
        raise InvalidKnob(
            f"minibatches={knobs.minibatches}: expected a divisor of rollout_size, which is {knobs.rollout_size}"
        )
    if knobs.layout == "shared" and knobs.lora is False:
        raise InvalidKnob("layout=shared: needs adapters; leave lora at auto, or say layout=separate")
    if knobs.layout == "separate" and knobs.lora:
        raise InvalidKnob("layout=separate: trains whole models; leave lora at auto, or say layout=shared")
    if knobs.value_layers and (knobs.layout == "separate" or knobs.lora is False):
        raise InvalidKnob(
            f"value_layers={knobs.value_layers}: whole models learn whole; leave lora and layout at auto"
        )
    if knobs.gradient_checkpointing:
        raise InvalidKnob(
            "gradient_checkpointing=true: not for ppo yet; a smaller batch_size saves memory, and so does lora_layers"
        )
    if knobs.server and (knobs.layout == "separate" or knobs.lora is False):
        raise InvalidKnob("server: only adapters can be pushed to it; leave lora and layout at auto")


def check_rloo(knobs: RlooKnobs) -> None:
    check_alarms(knobs)
    if knobs.rollout_size % knobs.num_generations:
        raise InvalidKnob(
            f"num_generations={knobs.num_generations}: expected a divisor of rollout_size, which is "
            f"{knobs.rollout_size}"
        )
    if knobs.save_steps is not None:
        raise InvalidKnob(f"save_steps={knobs.save_steps}: saved at each measurement here; say eval_steps")

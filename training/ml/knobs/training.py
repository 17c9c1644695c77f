"""What every training shares."""

from dataclasses import dataclass

from training.ml.knobs.fields import knob


@dataclass(frozen=True, kw_only=True)
class MachineKnobs:
    """Where and with what numbers a run computes."""

    device: str = knob(
        "auto", "auto (a GPU if there is one), cpu, cuda or mps.", choices=("auto", "cpu", "cuda", "mps")
    )
    precision: str = knob(
        "auto", "auto (bf16 on a GPU that has it, else fp32), fp32 or bf16.", choices=("auto", "fp32", "bf16")
    )
    threads: int | None = knob(
        None, "CPU threads; auto: OMP_NUM_THREADS, else all cores this process may use.", low=1, high=256
    )
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
    lora_layers: int | None = knob(
        None,
        "Layers that get adapters, counted from the top; auto: all. What lies below stays as it is: nothing is "
        "computed backwards through it, and PPO reads it once a step.",
        low=1,
    )
    save_steps: int | None = knob(
        None, "Steps between checkpoints; auto: ten checkpoints a run, at most 200 steps apart.", low=1
    )
    logging_steps: int = knob(5, "Steps between lines of metrics.jsonl.", low=1)


@dataclass(frozen=True, kw_only=True)
class FoundingKnobs(TrainingKnobs):
    """What the kinds share that may start from nothing."""

    tiny_vocab: int = knob(512, "Base tiny: tokens of its byte-level BPE.", low=300, high=65536)
    tiny_layers: int = knob(4, "Base tiny: layers.", low=1, high=64)
    tiny_width: int = knob(128, "Base tiny: hidden size, a multiple of 32.", low=32, high=4096)
    tiny_context: int = knob(512, "Base tiny: longest conversation in tokens.", low=32, high=65536)

"""Answers of a policy."""

from dataclasses import dataclass

from training.ml.knobs.fields import knob
from training.ml.knobs.training import MachineKnobs


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

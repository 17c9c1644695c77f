"""Probabilities from logarithms, and what is not known by them."""

import numpy as np

from annotation.stats.said import Floats


def normalised(scores: Floats) -> Floats:
    """Probabilities from logarithms, along the last axis."""
    likely = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=-1, keepdims=True), dtype=np.float64)


def bits(likely: Floats) -> Floats:
    """Entropy along the last axis."""
    logs = np.log2(likely, where=likely > 0, out=np.zeros_like(likely))
    return np.asarray(-(likely * logs).sum(axis=-1), dtype=np.float64)


def told(likely: Floats, channel: Floats) -> Floats:
    """Bits that an answer tells of the truth: `likely` (…, O) before it, and the `channel` (O, A), with which
    probability each answer is given under each truth (mutual information; Lindley, Annals of Mathematical Statistics
    27, 1956)."""
    return np.maximum(bits(likely @ channel) - likely @ bits(channel), 0.0)

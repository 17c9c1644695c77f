"""Do the scores mean the probabilities that the Bradley-Terry model reads from them? Torch-free.

    confidence = σ(|score(a) - score(b)|)          what the model gives to the answer that it scores higher
    ECE = Σ over bins b of n_b / n · |accuracy(b) - mean confidence(b)|

Source: expected calibration error and reliability table, Guo et al. 2017 (1706.04599, §2). A pair has two answers,
so confidence lies between a half and 1, and the bins cut that range into ten of one width. σ(score(preferred) -
score(other)) itself could not be calibrated: what it foretells always came true. Equal scores are half right, with
confidence a half. The losses ipo and hinge (and TRL's others) do not train σ of a margin to be a probability: there
it says how far from one it is. Left out: an interval; ECE of few pairs is too large by chance alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.ml.reporting import evaluation

BINS = 10


def reliability(margins: Sequence[float]) -> dict[str, Any]:
    """`{"ece", "n", "bins": [{"low", "high", "n", "confidence", "accuracy"}, …]}`; margins are preferred - other.

    An empty bin has neither confidence nor accuracy; without margins, or with one that is not finite, nothing is
    known and there are no bins.
    """
    ahead = np.array(margins, dtype=float)  # (N,)
    if not len(ahead) or not np.isfinite(ahead).all():
        return {"ece": None, "n": len(ahead), "bins": []}
    confidence = 1 / (1 + np.exp(-np.abs(ahead)))  # (N,)
    right = np.array([evaluation.credit(margin, 0.0) for margin in margins])  # (N,)
    place = np.minimum((confidence - 0.5) * 2 * BINS, BINS - 1).astype(int)  # (N,)
    members = [place == index for index in range(BINS)]
    gaps = [abs(right[chosen].sum() - confidence[chosen].sum()) for chosen in members]
    return {
        "ece": evaluation.rounded(sum(gaps) / len(ahead)),
        "n": len(ahead),
        "bins": [edges(index) | means(confidence[chosen], right[chosen]) for index, chosen in enumerate(members)],
    }


def edges(index: int) -> dict[str, float]:
    """`low` belongs to the bin, `high` to the next one; 1 to the last."""
    low, high = (evaluation.rounded(0.5 + edge / (2 * BINS)) for edge in (index, index + 1))
    return {"low": low, "high": high}


def means(confidence: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]") -> dict[str, Any]:
    if not len(confidence):
        return {"n": 0, "confidence": None, "accuracy": None}
    return {
        "n": len(confidence),
        "confidence": evaluation.rounded(confidence.mean()),
        "accuracy": evaluation.rounded(right.mean()),
    }

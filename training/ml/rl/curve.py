"""Reward against the square root of KL, and where over-optimisation begins. Torch-free.

A policy that is trained on a proxy of what is wanted gains on both at first; later the proxy goes on rising and the
held-out (gold) reward falls. Both are smooth functions of √KL(π ‖ π₀) (Gao et al. 2210.10760). Over-optimisation
begins at the first measurement after the best one from which on the gold reward stays below its best by more than its
standard error there, std / √n. Left out: their fit of the curve's form, for which a run has too few points.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from training.ml.reporting.evaluation import rounded

Measurement = Mapping[str, Any]  # {"step", "kl", "score", "gold", "gold_std", "n", …}


def describe(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """`{"points": […], "over_optimised": {"step", "sqrt_kl"} or None}`; `measurements` in order of step."""
    found = points(measurements)
    place = beginning(measurements)
    begins = None if place is None else {name: found[place][name] for name in ("step", "sqrt_kl")}
    return {"points": found, "over_optimised": begins}


def points(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """`{"step", "sqrt_kl", "score", "gold"}`; an estimate of KL that is below 0 by chance counts as 0."""
    return [
        {
            "step": item["step"],
            "sqrt_kl": rounded(math.sqrt(max(item["kl"], 0.0))),
            "score": rounded(item["score"]),
            "gold": None if item.get("gold") is None else rounded(item["gold"]),
        }
        for item in measurements
    ]


def beginning(measurements: Sequence[Measurement]) -> int | None:
    """Index of the measurement with which over-optimisation begins; None without it, or without a gold reward."""
    if not measurements or any(item.get("gold") is None for item in measurements):
        return None
    golds = [float(item["gold"]) for item in measurements]
    top = golds.index(max(golds))
    error = measurements[top]["gold_std"] / math.sqrt(measurements[top]["n"])
    below = len(golds)
    while below - 1 > top and golds[below - 1] < golds[top] - error:
        below -= 1
    return below if below < len(golds) else None

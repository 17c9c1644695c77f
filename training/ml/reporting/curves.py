"""A run's losses in as few points as a plot needs, for whoever has the report and not metrics.jsonl. Torch-free."""

from collections.abc import Sequence
from typing import Any

MOST = 40  # points


def losses(metrics: Sequence[dict[str, Any]], *, most: int = MOST) -> list[dict[str, Any]]:
    """`{"step", "loss"}` of lines spread evenly over the run, the first and the last among them.

    Each is a line as it was logged, the mean over its own steps; nothing is averaged anew.
    """
    lines = [{"step": line["step"], "loss": line["loss"]} for line in metrics if "loss" in line]
    if len(lines) <= most:
        return lines
    return [lines[round(place * (len(lines) - 1) / (most - 1))] for place in range(most)]

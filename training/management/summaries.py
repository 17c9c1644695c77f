"""The lines that matter of a run's report, for a terminal."""

from collections.abc import Iterator
from typing import Any

from training.models import Run

BASELINES = {"longest": "always the longer answer", "majority": "always the policy that won"}


def summary(run: Run) -> list[str]:
    report = run.report
    lines = [report.get("headline", ""), *(f"Warning: {warning}" for warning in report.get("warnings", []))]
    lines += held_out(report.get("held_out") or {})
    lines.append(f"Run {run.name} in {run.directory}")
    for artifact in run.artifacts.all():
        kind = artifact.get_kind_display().capitalize()
        lines.append(f"{kind} {artifact.name}: {artifact.path} (sha256 {artifact.sha256[:12]})")
    return [line for line in lines if line]


def held_out(numbers: dict[str, Any]) -> Iterator[str]:
    """Accuracy against its baselines, or losses; each with what it was measured on."""
    if numbers.get("accuracy"):
        yield f"held-out accuracy            {share(numbers['accuracy'])}"
    for name, baseline in (numbers.get("baselines") or {}).items():
        if baseline:
            yield f"  {BASELINES.get(name, name):<27}{share(baseline)}"
    before, after = numbers.get("loss_before"), numbers.get("loss_after")
    if isinstance(before, int | float) and isinstance(after, int | float):
        yield f"held-out loss a token        {before:.3f} before, {after:.3f} after (n = {numbers.get('n', '?')})"


def share(measured: dict[str, Any]) -> str:
    if measured["value"] is None:
        return "unknown: no comparison was held out"
    return (
        f"{measured['value']:6.1%} [{measured['low']:.1%}, {measured['high']:.1%}] "
        f"on {measured['n_pairs']} pairs of {measured['n_prompts']} prompts"
    )

"""The lines that matter of a run's report, for a terminal: ten, and then the next command."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.ml.run.rundir import RunDirectory, read_json
from training.models import Run

BASELINES = {"longest": "always the longer answer", "majority": "always the policy that won"}
GAINED = {"score": "score", "gold": "held-out reward"}
MOVED = {"kl": "KL, nats an answer", "length": "length, tokens", "ended": "share that ended"}
KEPT = {"general": "on general conversations", "probes": "on the probe set"}
MOST_LINES = 10


def summary(run: Run) -> list[str]:
    """The headline, then warnings as far as there is room, then numbers and what was made."""
    report = run.report
    numbers = [*measured(report), f"Run {run.name} in {run.directory}{speed(Path(run.directory))}", *made(run)]
    room = max(MOST_LINES - 1 - len(numbers), 1)
    told = warnings(report.get("warnings", []), most=room)
    return [line for line in [report.get("headline", ""), *told, *numbers] if line]


def warnings(found: list[str], *, most: int) -> list[str]:
    """The rest is counted where there is no room for all."""
    if len(found) <= most:
        return [f"Warning: {text}" for text in found]
    shown = [f"Warning: {text}" for text in found[:most]]
    return [*shown[:-1], f"{shown[-1]} (and {len(found) - most} more in report.json)"]


def measured(report: dict[str, Any]) -> Iterator[str]:
    """Accuracy beside its baselines, people and training pairs, or losses; each with what it was measured on."""
    numbers = report.get("held_out") or {}
    if numbers.get("accuracy"):
        yield f"held-out accuracy            {share(numbers['accuracy'])}"
    for name, baseline in (numbers.get("baselines") or {}).items():
        if baseline:
            yield f"  {BASELINES.get(name, name):<27}{share(baseline)}"
    if (ceiling := numbers.get("human_ceiling") or {}).get("n_pairs"):
        yield f"  people among themselves    {share(ceiling)}"
    if (train := (report.get("splits") or {}).get("train") or {}).get("n_pairs"):
        yield f"  the same on training pairs {share(train)}"
    before, after = numbers.get("loss_before"), numbers.get("loss_after")
    if isinstance(before, int | float) and isinstance(after, int | float):
        yield f"held-out loss a token        {before:.3f} before, {after:.3f} after (n = {numbers.get('n', '?')})"
    yield from gained(numbers)
    for name, part in (numbers.get("forgetting") or {}).items():
        if part:
            figures = f"{part['loss_before']:.3f} before, {part['loss_after']:.3f} after (n = {part['n']})"
            yield f"  {KEPT.get(name, name):<27}{figures}"


def gained(numbers: dict[str, Any]) -> Iterator[str]:
    """Of a policy that learned from rewards, or of the best of its answers: before and after, on held-out prompts."""
    before, after = numbers.get("start") or numbers.get("single"), numbers.get("best")
    if not before or not after:
        return
    gains = numbers.get("gain") or {}
    for name, what in GAINED.items():
        if gain := gains.get(name):
            figures = f"{before[name]:.3f} before, {after[name]:.3f} after"
            interval = f"{gain['value']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}] on {gain['n']} prompts"
            yield f"{what:<29}{figures}: {interval}"
    for name, what in MOVED.items():
        if name in before and name in after:
            yield f"  {what:<27}{before[name]:.2f} before, {after[name]:.2f} after"


def share(measured: dict[str, Any]) -> str:
    if measured["value"] is None:
        return "unknown: no comparison was held out"
    return (
        f"{measured['value']:6.1%} [{measured['low']:.1%}, {measured['high']:.1%}] "
        f"on {measured['n_pairs']} pairs of {measured['n_prompts']} prompts"
    )


def speed(directory: Path) -> str:
    """As far as timing.json tells it, to follow the place of the run."""
    timing = read_json(RunDirectory(directory).timing) or {}
    parts = []
    if "tokens_per_second" in timing:
        parts.append(f"{timing['tokens_per_second']:,.0f} tokens/s")
    if "padding_share" in timing:
        parts.append(f"{timing['padding_share']:.0%} padding")
    if "peak_memory_mb" in timing:
        parts.append(f"{timing['peak_memory_mb']:,.0f} MB at most")
    return f" ({', '.join(parts)})" if parts else ""


def made(run: Run) -> Iterator[str]:
    for artifact in run.artifacts.all():
        kind = artifact.get_kind_display().capitalize()
        yield f"{kind} {artifact.name}: {artifact.path} (sha256 {artifact.sha256[:12]})"

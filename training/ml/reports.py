"""report.json: what came out, in numbers with their n. Deterministic: no times, names or paths. Torch-free."""

import platform
from importlib.metadata import version
from typing import Any

from training.ml.rundir import Config

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "numpy")


def assemble(
    *,
    config: Config,
    headline: str,
    warnings: list[str],
    base: dict[str, Any],
    resolved: dict[str, Any],
    **parts: dict[str, Any],
) -> dict[str, Any]:
    """`resolved`: what every `auto` became. `parts`: held_out, train, data."""
    return {
        "kind": config.kind,
        "headline": headline,
        "warnings": warnings,
        **parts,
        "base": base,
        "knobs": config.knobs,
        "resolved": resolved,
        "seed": config.seed,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "commit": config.commit,
        "project_version": config.project_version,
    }


def accuracy_headline(what: str, held_out: dict[str, Any]) -> str:
    """The accuracy beside its baselines, and first of all whether it beats the longer answer."""
    found, length = held_out["accuracy"], held_out["baselines"]["longest"]
    if not found["n_pairs"]:
        return f"{what}: nothing is known of its accuracy, for no comparison was held out."
    text = (
        f"{what}: held-out accuracy {percent(found['value'])} ({percent(found['low'])} to {percent(found['high'])}) "
        f"on {found['n_pairs']} pairs of {found['n_prompts']} prompts; always the longer answer "
        f"{percent(length['value'])}, always the policy that won before "
        f"{percent(held_out['baselines']['majority']['value'])}."
    )
    if held_out["collapsed"]:
        return f"Collapsed: every answer to a prompt gets the same score. {text}"
    if found["value"] > length["value"]:
        return text
    verdict = "Worse" if found["value"] < length["value"] else "No better"
    return f"{verdict} than taking the longer answer. {text}"


def accuracy_warnings(held_out: dict[str, Any]) -> list[str]:
    found = held_out["accuracy"]
    if not found["n_pairs"]:
        return ["no comparison was held out: label prompts of the test split to learn how good this is"]
    warnings = [
        f"held-out accuracy {'is below' if found['value'] < baseline['value'] else 'only equals'} the baseline "
        f"{name!r}"
        for name, baseline in held_out["baselines"].items()
        if found["value"] <= baseline["value"]
    ]
    if found["low"] <= 0.5:
        warnings.append("the interval of the held-out accuracy includes chance (50 %)")
    return warnings


def loss_headline(held_out: dict[str, Any]) -> str:
    before, after, n = held_out["loss_before"], held_out["loss_after"], held_out["n"]
    if not n:
        return "Supervised fine-tuning: nothing is known of its held-out loss, for no answer was held out."
    return f"Supervised fine-tuning: held-out loss {before:.3f} -> {after:.3f} per token on {n} answers."


def length_warnings(data: dict[str, Any]) -> list[str]:
    """Nothing is cut or left out in silence."""
    warnings = []
    if data["truncated"]:
        warnings.append(f"{data['truncated']} conversations over {data['max_length']} tokens lost their beginning")
    if data["dropped"]:
        warnings.append(f"{data['dropped']} examples over {data['max_length']} tokens were left out")
    return warnings


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def loss_warnings(held_out: dict[str, Any]) -> list[str]:
    if not held_out["n"]:
        return ["no answer was held out: the test split holds none to imitate"]
    if held_out["loss_after"] >= held_out["loss_before"]:
        return ["the held-out loss did not go down"]
    return []

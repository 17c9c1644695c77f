"""report.json: what came out, in numbers with their n. No times, and paths in `repeat` alone. Torch-free."""

import math
import platform
from importlib.metadata import version
from typing import Any

from training.exceptions import RunFailed
from training.ml.reporting import repeat
from training.ml.run.rundir import Config

MAX_CORRELATION, MIN_ANSWERS = 0.5, 10  # of scores with lengths; ours
MAX_ECE, MIN_PAIRS = 0.1, 100  # ours: of fewer pairs ECE is large by chance
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "numpy")


def assemble(
    *,
    config: Config,
    headline: str,
    warnings: list[str],
    base: dict[str, Any],
    resolved: dict[str, Any],
    **parts: Any,
) -> dict[str, Any]:
    """`resolved`: what every `auto` became. `parts`: held_out, curve, train, data.

    Raises:
        RunFailed: something that was measured is no number.
    """
    check_numbers(parts)
    return {
        "kind": config.kind,
        "headline": headline,
        "warnings": warnings,
        **parts,
        "base": base,
        "knobs": config.knobs,
        "resolved": resolved,
        "seed": config.seed,
        "repeat": repeat.describe(config),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "commit": config.commit,
        "project_version": config.project_version,
    }


def check_numbers(parts: Any, *, name: str = "report") -> None:
    """
    Raises:
        RunFailed: a number that is none: no report is made of a model that broke.
    """
    if isinstance(parts, float) and not math.isfinite(parts):
        raise RunFailed(
            f"{name} of the trained model is no number: lower the learning rate (--set learning_rate=…) and train "
            "again"
        )
    named = parts.items() if isinstance(parts, dict) else enumerate(parts) if isinstance(parts, list) else ()
    for key, part in named:
        check_numbers(part, name=f"{name}.{key}")


def accuracy_headline(what: str, held_out: dict[str, Any]) -> str:
    """The accuracy beside its baselines, and first of all whether it tells answers apart and beats the longer one."""
    text = accuracy_sentence(what, held_out)
    if held_out["collapsed"]:
        return f"Collapsed: every answer to a prompt gets the same score, or as good as the same. {text}"
    found, length = held_out["accuracy"], held_out["baselines"]["longest"]
    if not found["n_pairs"] or found["value"] > length["value"]:
        return text
    verdict = "Worse" if found["value"] < length["value"] else "No better"
    return f"{verdict} than taking the longer answer. {text}"


def accuracy_sentence(what: str, held_out: dict[str, Any]) -> str:
    found, length = held_out["accuracy"], held_out["baselines"]["longest"]
    if not found["n_pairs"]:
        return f"{what}: nothing is known of its accuracy, for no comparison was held out."
    return (
        f"{what}: held-out accuracy {percent(found['value'])} ({percent(found['low'])} to {percent(found['high'])}) "
        f"on {found['n_pairs']} pairs of {found['n_prompts']} prompts; always the longer answer "
        f"{percent(length['value'])}, always the policy that won before "
        f"{percent(held_out['baselines']['majority']['value'])}."
    )


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


def trust_warnings(held_out: dict[str, Any]) -> list[str]:
    """What speaks against the scores even where the accuracy is high."""
    return [
        warning
        for warning in (
            ceiling_warning(held_out["accuracy"], held_out["human_ceiling"]),
            length_warning(held_out["length"]),
            calibration_warning(held_out["calibration"]),
        )
        if warning
    ]


def overfitting_warnings(splits: dict[str, Any]) -> list[str]:
    """Where the two intervals lie apart, and the training pairs are the ones known better."""
    train, test = splits["train"], splits["test"]
    if not (train["n_pairs"] and test["n_pairs"]) or train["low"] <= test["high"]:
        return []
    found = (
        f"learnt by heart: {percent(train['value'])} of {train['n_pairs']} training pairs are right and "
        f"{percent(test['value'])} of the held-out ones; train for fewer epochs, or on more prompts"
    )
    return [found]


def ceiling_warning(found: dict[str, Any], ceiling: dict[str, Any]) -> str:
    if not found["n_pairs"]:
        return ""
    if ceiling["value"] is None:
        return (
            "there is no human ceiling: no held-out pair was judged by two people, so nothing tells how often people "
            "agree and how high an accuracy could be"
        )
    if found["value"] <= ceiling["high"]:
        return ""
    return (
        f"held-out accuracy is above the agreement of people with each other ({percent(ceiling['low'])} to "
        f"{percent(ceiling['high'])}, {ceiling['n']} pairs of people): make sure that no held-out text is in the "
        "training data, and see the accuracy by annotator"
    )


def length_warning(length: dict[str, Any]) -> str:
    """Of few answers any correlation may come by chance."""
    strongest = max((length["pearson"] or 0.0, length["spearman"] or 0.0), key=abs)
    if length["n"] < MIN_ANSWERS or abs(strongest) <= MAX_CORRELATION:
        return ""
    return f"scores follow the answers' length: correlation {strongest:.2f} over {length['n']} held-out answers"


def calibration_warning(calibration: dict[str, Any]) -> str:
    if calibration["n"] < MIN_PAIRS or (calibration["ece"] or 0.0) <= MAX_ECE:
        return ""
    return (
        "differences of scores are no probabilities as they stand: expected calibration error "
        f"{calibration['ece']:.2f} on {calibration['n']} pairs"
    )


def loss_headline(held_out: dict[str, Any]) -> str:
    before, after, n = held_out["loss_before"], held_out["loss_after"], held_out["n"]
    if not n:
        return "Supervised fine-tuning: nothing is known of its held-out loss, for no answer was held out."
    text = f"Supervised fine-tuning: held-out loss {before:.3f} -> {after:.3f} per token on {n} answers."
    return text if after < before else f"No better than before. {text}"


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

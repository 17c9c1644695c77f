"""What fine-tuning cost: losses on general conversations and on a probe set, before and after.

Both are mean negative log-likelihoods per answer token. The change comes with the standard error of a ratio of sums
(Cochran, Sampling Techniques, 1977, §2.11): the same examples are measured twice, so their difference is far surer
than either loss. `probes.jsonl` is our own: short questions about facts, arithmetic, formats, instructions and
languages, with the answers that a general model gives. It is small: it shows that something was lost, not how much
of what a model can do is left.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.ml import scoring
from training.ml.data.conversations import Encoder, Tokens
from training.ml.demonstrations import demonstrated, encode
from training.ml.knobs import SftKnobs
from training.ml.mixing import file_of, shuffled
from training.ml.run.jobs import Job

PROBES = Path(__file__).with_name("probes.jsonl")
MOST_GENERAL = 200  # held-out general answers that are measured
LEAST = 10  # answers under which no change is warned of
SURE = 2.0  # standard errors


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Conversations that were not trained on, each of a kind."""

    examples: list[Tokens]
    kinds: list[str]

    def of(self, model: Any, *, pad: int) -> list[float]:
        """The negative log-likelihood of each answer, in nats."""
        return [-found for found in scoring.answer_log_probs(model, self.examples, pad=pad)]


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """The measures of a run, and what the base has of them."""

    measures: dict[str, Measure]
    before: dict[str, list[float]]

    def report(self, model: Any, *, pad: int) -> dict[str, Any]:
        found: dict[str, Any] = {"general": None, "probes": None}
        for name, measure in self.measures.items():
            found[name] = compared(measure, self.before[name], measure.of(model, pad=pad))
        return found


def measured(job: Job[SftKnobs], model: Any) -> Forgetting | None:
    """Before training; None for a base that starts from nothing and so has nothing to forget."""
    if job.base.starts_from_nothing:
        return None
    measures = {"general": general(job), "probes": probes(job)}
    usable = {name: measure for name, measure in measures.items() if measure.examples}
    before = {name: measure.of(model, pad=job.pad) for name, measure in usable.items()}
    return Forgetting(measures=usable, before=before)


def general(job: Job[SftKnobs]) -> Measure:
    """Held-out answers of the file that `general` names, else of `mix`."""
    file = file_of(job, "general") or file_of(job, "mix")
    rows = list(shuffled(file.of("test"), seed=job.config.seed))[:MOST_GENERAL] if file else []
    examples = encode(demonstrated(rows), encoder=whole(job))
    return Measure(examples=examples, kinds=["general"] * len(examples))


def probes(job: Job[SftKnobs]) -> Measure:
    examples, kinds = [], []
    encoder = whole(job)
    for line in PROBES.read_text(encoding="utf-8").splitlines():
        probe = json.loads(line)
        tokens = encoder.encode([{"role": "user", "content": probe["prompt"]}], probe["answer"])
        if tokens is not None:
            examples.append(tokens)
            kinds.append(probe["kind"])
    return Measure(examples=examples, kinds=kinds)


def whole(job: Job[SftKnobs]) -> Encoder:
    """An encoder whose counts are not those of the training data; what it would have to cut is left out."""
    return Encoder(job.base.tokenizer, max_length=job.encoder.max_length, overlong="drop")


def compared(measure: Measure, before: Sequence[float], after: Sequence[float]) -> dict[str, Any]:
    """All of a measure, and each of its kinds if it has several."""
    lengths = [len(example.answer) for example in measure.examples]
    rows = list(zip(measure.kinds, before, after, lengths, strict=True))
    kinds = sorted(set(measure.kinds))
    parts = {kind: change([row[1:] for row in rows if row[0] == kind]) for kind in kinds}
    return change([row[1:] for row in rows]) | ({"kinds": parts} if len(kinds) > 1 else {})


def change(rows: Sequence[tuple[float, float, int]]) -> dict[str, Any]:
    """Losses per token of `rows`: nats before, nats after, tokens."""
    tokens = sum(length for *_, length in rows)
    before, after = (sum(row[place] for row in rows) / tokens for place in (0, 1))
    moved = after - before
    return {
        "loss_before": before,
        "loss_after": after,
        "change": moved,
        "standard_error": standard_error(rows, change=moved, tokens=tokens),
        "n": len(rows),
    }


def standard_error(rows: Sequence[tuple[float, float, int]], *, change: float, tokens: int) -> float | None:
    """Of sum(after - before) / sum(tokens); None for a single row."""
    n = len(rows)
    if n < 2:
        return None
    squares = sum((after - before - change * length) ** 2 for before, after, length in rows)
    return math.sqrt(n / (n - 1) * squares) / tokens


def warnings(found: dict[str, Any] | None) -> list[str]:
    """One for each measure that surely got worse."""
    names = {"general": "general conversations", "probes": "the probe set"}
    return [
        f"the model lost something: its loss on {names[name]} rose from {part['loss_before']:.3f} to "
        f"{part['loss_after']:.3f} per token ({part['n']} answers); mix general data in (mix, mix_ratio), or train "
        "less (learning_rate, epochs)"
        for name, part in (found or {}).items()
        if part and part["n"] >= LEAST and part["change"] > SURE * (part["standard_error"] or 0.0)
    ]

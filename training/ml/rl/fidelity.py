"""Before the first step: does each reward model still say what its own report says, by the way that rollouts take?

A template, a padding or an end token that is not the one of the training gives scores that look like any others, and
a policy learns from them all the same. So the held-out pairs of the reward model's own release are read again, their
answers encoded with the policy's tokenizer as if it had drawn them, cut and decoded as rollouts are, and scored by
text. What must come out is what `report.json` beside the model says of the same pairs:

    accuracy      to within one pair
    confidence    mean of σ(|margin|), to within 0.002; a template may change all scores and hardly an order
    length        correlation of score and length, to within 0.005
    spread        of an ensemble's members, to within 1 %

Where the policy's tokenizer does not give a text back as it was, its pair may turn, but not so many that the accuracy
falls below the report's interval. What can be seen without scores (tokenizer, longest conversation, zero, members) is
compared first, with adapter/ or the base that the model was trained from.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from training.exceptions import InvalidRelease, InvalidRun
from training.ml import preferences
from training.ml.backbones import bases, sources
from training.ml.backbones.bases import Base
from training.ml.data import pairs, releases
from training.ml.data.conversations import Encoder, Tokenizer, tokens_of
from training.ml.data.pairs import Pair
from training.ml.knobs import MachineKnobs
from training.ml.knobs.rl import RewardingKnobs
from training.ml.reporting import calibration, correlation, evaluation
from training.ml.rewards import RewardModel
from training.ml.rl import functions, judges
from training.ml.rl.judges import Model, Opinion
from training.ml.rl.rollouts import Prompt, Rollout, rollout_of
from training.ml.run.machine import Machine
from training.ml.run.rundir import Config, RewardReference, RunDirectory

UNCHECKED = "say --set check_reward=false to go on unchecked"
CONFIDENCE, LENGTH, SPREAD = 0.002, 0.005, 0.01  # above what two machines differ by
EPSILON = 1e-6  # reports are rounded to it
SHOWN = 60  # characters of an answer
ALIKE = {"chat_template": "chat template", "eos_token": "end token", "pad_token": "padding token"}

Answer = tuple[str, str]  # id of the prompt, and text


@dataclass(frozen=True, kw_only=True)
class Made:
    """The run that a reward model came from."""

    directory: RunDirectory
    config: Config
    report: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What a report says of held-out pairs; None where it says nothing."""

    n_pairs: int
    accuracy: float | None
    confidence: float | None
    length: float | None
    spread: float | None


@dataclass(frozen=True, kw_only=True)
class Check:
    """`changed`: how many of the distinct answers the policy's tokenizer gave back as other texts."""

    name: str
    n_pairs: int = 0
    answers: int = 0
    changed: int = 0
    accuracy: float | None = None  # by the way that rollouts take
    warnings: list[str] = field(default_factory=list)


def check_all(
    references: Sequence[RewardReference],
    *,
    base: Base,
    knobs: RewardingKnobs,
    machine: Machine,
    models: Mapping[str, Any] | None = None,
) -> list[str]:
    """Every reward model among them against its report; warnings. `base`: the policy's. `models`: by source, what is
    open already and need not be loaded again.

    Raises:
        InvalidRun: one does not say what its report says; the sentence says what differs.
    """
    found = [item for item in references if not functions.is_named(item.source)]
    if not knobs.check_reward:
        names = ", ".join(judges.name_of(item.source) for item in found)
        return [f"check_reward=false: {names} not held against any report"] if found else []
    warnings = []
    for reference in found:
        model = (models or {}).get(reference.source)
        if not isinstance(model, RewardModel):
            model = judges.opened_model(reference, machine=machine)
        warnings += check(reference, model=model, tokenizer=base.tokenizer).warnings
    return warnings


def check(reference: RewardReference, *, model: RewardModel, tokenizer: Tokenizer) -> Check:
    """`tokenizer`: the policy's.

    Raises:
        InvalidRun: what differs, or which of report and release is missing.
    """
    name = judges.name_of(reference.source)
    made = origin(Path(reference.source))
    if made is None:
        why = f"{name} was made elsewhere: no report of a run says what its scores should be, they were not checked"
        return Check(name=name, warnings=[why])
    differing = altered(made, model)
    if differing:
        refuse(name, reference, differing)
    found = held_out(made, model)
    then = said(made.report)
    if not found and not then.n_pairs:
        return Check(name=name, warnings=[f"{name}: its release holds out no pair, its scores were not checked"])
    rollouts = as_rollouts(found, tokenizer=tokenizer)
    changed = {answer: rollout.text for answer, rollout in rollouts.items() if rollout.text != answer[1]}
    scored = Model(name=name, weight=1.0, source=reference.source, scorer=model)
    by_rollout = dict(zip(rollouts, scored.of(list(rollouts.values())), strict=True))
    as_written = by_rollout | written(list(changed), found, scored=scored)
    differing = apart(numbers(found, as_written), then)
    if differing:
        refuse(name, reference, differing)
    return by_way(name, numbers(found, by_rollout), made.report, changed=changed, answers=len(rollouts))


def refuse(name: str, reference: RewardReference, differing: Sequence[str]) -> NoReturn:
    raise InvalidRun(
        f"the reward model {name} is not what its report is of: {'; '.join(differing)}. Restore {reference.source}, "
        f"or train it again; {UNCHECKED}"
    )


def origin(model: Path) -> Made | None:
    """None: it was not made by a run of kind rm that is still around it.

    Raises:
        InvalidRun: its report is gone.
    """
    directory = RunDirectory(model.resolve().parent)
    if model.resolve() != directory.model or not directory.config.is_file():
        return None
    config = directory.read_config()
    if config.kind != "rm":
        return None
    report = directory.read_report()
    if report is None:
        raise InvalidRun(
            f"the reward model {directory.path.name} has no report.json beside it that says what it should say: "
            f"restore it, or end the run {directory.path}; {UNCHECKED}"
        )
    return Made(directory=directory, config=config, report=report)


def altered(made: Made, model: RewardModel) -> list[str]:
    """What can be seen to differ without a score."""
    report, record = made.report, model.record
    found = []
    before = trained_with(made)
    if before is not None:
        found += tokenizers_apart(model.encoder.tokenizer, before)
    knobs = report["knobs"]
    known: dict[str, tuple[Any, Any]] = {
        "longest conversation in tokens": (record.max_length, report["data"]["max_length"]),
        "number of members": (record.members, knobs.get("ensemble", 1)),
    }
    if record.members > 1:
        known["conservative score"] = (record.conservative, knobs["conservative"])
        known["penalty for what its members differ by"] = (record.penalty, knobs["conservative_penalty"])
    shift = report["held_out"].get("shift")
    if shift:
        now = evaluation.rounded(record.offsets[0][0]) if record.offsets else None
        known["zero"] = (now, shift["offset"])
    found += [f"its {what} is {now} and was {then}" for what, (now, then) in known.items() if now != then]
    return found


def trained_with(made: Made) -> Tokenizer | None:
    """The tokenizer of the training, if a copy of it is left; that of a base which has changed since is none."""
    if (made.directory.adapter / "tokenizer_config.json").is_file():
        return bases.read_tokenizer(made.directory.adapter, source=str(made.directory.adapter))
    path = made.directory.base if made.config.base == sources.TINY else Path(made.config.base)
    if not sources.is_directory(path) or bases.hash_of_weights(path) != made.report["base"]["sha256"]:
        return None
    knobs = MachineKnobs(chat_template=made.config.knobs["chat_template"])
    return bases.read(path, source=str(path), kind="path", knobs=knobs).tokenizer


def tokenizers_apart(now: Tokenizer, before: Tokenizer) -> list[str]:
    found = []
    for attribute, what in ALIKE.items():
        new, old = getattr(now, attribute), getattr(before, attribute)
        if new != old and attribute == "chat_template":
            found.append(f"its {what} is not the one that it was trained with")
        elif new != old:
            found.append(f"its {what} is {new} and was {old}")
    if now.get_vocab() != before.get_vocab():
        found.append("its tokenizer knows other tokens than it was trained with")
    return found


def held_out(made: Made, model: RewardModel) -> list[Pair]:
    """The pairs that its report is of: those of the release's test split that fit.

    Raises:
        InvalidRun: the release is gone, or another one.
    """
    reference = made.config.release
    if reference is None:
        raise InvalidRun(f"{made.directory.config} names no release that {made.directory.path.name} could be held to")
    try:
        release = releases.read(Path(reference.path), expected_hash=reference.hash)
    except InvalidRelease as error:
        raise InvalidRun(
            f"the reward model {made.directory.path.name} cannot be held against its report: {error}. Restore the "
            f"release, or {UNCHECKED}"
        ) from None
    found, _ = pairs.of_rows(row for row in release.rows if row.split == "test")
    own = model.encoder
    encoder = Encoder(own.tokenizer, max_length=own.max_length, overlong=made.config.knobs["overlong"])
    return [example.pair for example in preferences.encode(found, encoder=encoder)]


def as_rollouts(found: Sequence[Pair], *, tokenizer: Tokenizer) -> dict[Answer, Rollout]:
    """Each distinct answer as if the policy had drawn it."""
    rollouts = {}
    for pair in found:
        for text in (pair.chosen, pair.rejected):
            if (pair.prompt_id, text) not in rollouts:
                tokens = tokens_of(tokenizer, pair.messages, text)
                prompt = Prompt(id=pair.prompt_id, messages=pair.messages, ids=tokens.prompt)
                rollouts[pair.prompt_id, text] = rollout_of(prompt, tokens.answer, tokenizer)
    return rollouts


def written(changed: Sequence[Answer], found: Sequence[Pair], *, scored: Model) -> dict[Answer, Opinion]:
    """What is said of these answers as people read them."""
    messages = {pair.prompt_id: pair.messages for pair in found}
    rollouts = [
        Rollout(prompt=Prompt(id=identity, messages=messages[identity], ids=[]), answer=[], text=text, ended=True)
        for identity, text in changed
    ]
    return dict(zip(changed, scored.of(rollouts), strict=True)) if rollouts else {}


def said(report: Mapping[str, Any]) -> Numbers:
    found = report["held_out"]
    ensemble = found.get("ensemble")
    return Numbers(
        n_pairs=found["accuracy"]["n_pairs"],
        accuracy=found["accuracy"]["value"],
        confidence=confidence_of(found["calibration"]) if "calibration" in found else None,
        length=found["length"]["pearson"] if "length" in found else None,
        spread=ensemble["spread"] if ensemble else None,
    )


def confidence_of(table: Mapping[str, Any]) -> float | None:
    """The mean over all pairs, from a table of reliability."""
    if not table["bins"]:
        return None
    return math.fsum(part["n"] * part["confidence"] for part in table["bins"] if part["n"]) / table["n"]


def numbers(found: Sequence[Pair], opinions: Mapping[Answer, Opinion]) -> Numbers:
    """The same from what is said of each answer."""
    both = [(opinions[pair.prompt_id, pair.chosen], opinions[pair.prompt_id, pair.rejected]) for pair in found]
    scores = [(chosen.value, rejected.value) for chosen, rejected in both]
    margins = [chosen - rejected for chosen, rejected in scores]
    credits = [evaluation.credit(margin, 0.0) for margin in margins]
    spreads = [opinion.spread for pair in both for opinion in pair]
    return Numbers(
        n_pairs=len(found),
        accuracy=math.fsum(credits) / len(credits) if credits else None,
        confidence=confidence_of(calibration.reliability(margins)),
        length=correlation.with_length(found, scores)["pearson"],
        spread=math.fsum(spreads) / len(spreads) if spreads else None,
    )


def apart(now: Numbers, then: Numbers) -> list[str]:
    """In sentences, what is not as the report says it."""
    if now.n_pairs != then.n_pairs:
        return [f"{now.n_pairs} of its held-out pairs fit it, and {then.n_pairs} did"]
    limits = {
        "its held-out accuracy": (now.accuracy, then.accuracy, 1 / now.n_pairs),
        "its mean confidence": (now.confidence, then.confidence, CONFIDENCE),
        "its correlation of score and length": (now.length, then.length, LENGTH),
        "the spread of its members": (now.spread, then.spread, SPREAD * (then.spread or 0.0)),
    }
    return [
        f"{what} is {new:.4f} and its report says {old:.4f} ({now.n_pairs} pairs)"
        for what, (new, old, limit) in limits.items()
        if new is not None and old is not None and abs(new - old) > limit + EPSILON
    ]


def by_way(
    name: str, now: Numbers, report: Mapping[str, Any], *, changed: Mapping[Answer, str], answers: int
) -> Check:
    """`changed`: of the answers that the policy's tokenizer gave back as other texts, these.

    Raises:
        InvalidRun: they cost the reward model its accuracy.
    """
    warnings = []
    if changed:
        before, after = next((answer[1], text) for answer, text in changed.items())
        warnings.append(
            f"{len(changed)} of {answers} held-out answers of {name} come out of the policy's tokenizer as other "
            f"texts, such as {shown(after)} for {shown(before)}"
        )
    then = report["held_out"]["accuracy"]
    if now.accuracy is not None and now.accuracy < min(then["low"], then["value"] - 1 / now.n_pairs) - EPSILON:
        raise InvalidRun(
            f"{'; '.join(warnings)}: so its held-out accuracy is {now.accuracy:.4f} where its report says "
            f"{then['value']:.4f}. Start from a policy whose tokenizer and chat template keep texts as they are; "
            f"{UNCHECKED}"
        )
    return Check(
        name=name,
        n_pairs=now.n_pairs,
        answers=answers,
        changed=len(changed),
        accuracy=now.accuracy,
        warnings=warnings,
    )


def shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")

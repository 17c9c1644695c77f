"""What answers are rewarded by: reward models found by name or path, and Python functions as `module:function`."""

import inspect
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.actions import artifacts
from training.exceptions import InvalidBase, InvalidRun
from training.ml.backbones import sources
from training.ml.data.fingerprints import sha256_of
from training.ml.rl import functions
from training.ml.run.rundir import RewardReference, read_json
from training.models import Artifact, Reward, Run

OPTIONS = {False: "--reward", True: "--held-out-reward"}  # by whether it is held out
CLASSIFIER = "ForSequenceClassification"  # how the architecture of a reward model is called


def find(trained_on: Sequence[str], held_out: Sequence[str] = ()) -> tuple[RewardReference, ...]:
    """Each as `name` or `name=weight`: an artifact, the run that made it, a directory, or `module:function`.

    Raises:
        InvalidRun: nothing to train on, no such function, or one and the same twice.
        InvalidBase: no such reward model, or one whose weights have changed.
    """
    if not trained_on:
        raise InvalidRun(
            "Say what answers are rewarded by: --reward with an artifact or run of train_rm, the directory of a "
            f"reward model, or module:function{known()}."
        )
    found = [*map(found_in, trained_on), *(found_in(text, held_out=True) for text in held_out)]
    check_once(found)
    return tuple(found)


def check_once(found: Sequence[RewardReference]) -> None:
    seen: dict[str, RewardReference] = {}
    for reward in found:
        before = seen.setdefault(reward.hash or reward.source, reward)
        if before is reward:
            continue
        option = OPTIONS[reward.held_out]
        if before.held_out == reward.held_out:
            raise InvalidRun(f"{option} {reward.source} stands twice: give it one weight.")
        raise InvalidRun(
            f"{option} {reward.source} is what is trained on (--reward): name another one that the policy does not "
            "learn from, or leave it out."
        )


def known() -> str:
    models = Artifact.objects.filter(kind=Artifact.Kind.REWARD_MODEL)
    names = list(models.values_list("name", flat=True)[: artifacts.LISTED])
    return f" (reward models: {', '.join(names)})" if names else " (there is no reward model yet)"


def found_in(text: str, *, held_out: bool = False) -> RewardReference:
    option = OPTIONS[held_out]
    name, weight = weighed(text, option=option)
    if functions.is_named(name):
        functions.imported(name)
        return RewardReference(source=name, weight=weight, hash="", held_out=held_out)
    source, digest = model(name, option=option)
    return RewardReference(source=source, weight=weight, hash=digest, held_out=held_out)


def weighed(text: str, *, option: str) -> tuple[str, float]:
    """A name without a weight counts once; one with an equals sign in it needs its weight."""
    name, equals, said = text.rpartition("=")
    if not equals:
        return text, 1.0
    try:
        weight = float(said)
    except ValueError:
        weight = math.nan
    if not name or not math.isfinite(weight) or not weight:
        raise InvalidRun(f"{option} {text}: expected a name, or name=weight with a number that is not 0.")
    return name, weight


def files_of(found: Sequence[RewardReference]) -> dict[str, str]:
    """Of each function the SHA-256 of the file that it stands in: another text may reward otherwise."""
    named = [reward.source for reward in found if not reward.hash]
    return {name: sha256_of(file) for name in named if (file := file_of(functions.imported(name)))}


def file_of(function: object) -> Path | None:
    """None of what is built in."""
    plain = function if inspect.isroutine(function) or inspect.isclass(function) else type(function)
    try:
        return Path(inspect.getfile(plain))
    except (OSError, TypeError):
        return None


def model(name: str, *, option: str) -> tuple[str, str]:
    """Its directory, and the digest of its weights."""
    artifact = artifacts.find(name)
    path = Path(artifact.path if artifact else name).expanduser()
    if artifact and artifact.kind != Artifact.Kind.REWARD_MODEL:
        raise InvalidBase(f"{option} {name} is a {artifact.get_kind_display().lower()}, not a reward model{known()}.")
    if not name or not sources.is_directory(path):
        gone = f": the weights of {artifact} are gone from {path}" if artifact else f"{known()}"
        raise InvalidBase(f"There is no reward model {name!r}{gone}.")
    sources.check_directory(path)
    check_scores(path, option=option)
    digest = artifacts.digest(path)
    if artifact and artifact.sha256 != digest:
        raise InvalidBase(
            f"The weights at {path} are not those that were registered as {artifact}: restore them, or train again."
        )
    return str(path.resolve()), digest


def check_scores(path: Path, *, option: str) -> None:
    """
    Raises:
        InvalidBase: it has no score for a conversation.
    """
    architectures = (read_json(path / "config.json") or {}).get("architectures") or []
    if not any(str(one).endswith(CLASSIFIER) for one in architectures):
        raise InvalidBase(f"{option} {path} is no reward model: it has no score for a conversation (train_rm).")


def again(found: Sequence[RewardReference]) -> Iterator[RewardReference]:
    """Those of a run that goes on, as they are now."""
    for reward in found:
        yield found_in(f"{reward.source}={reward.weight!r}", held_out=reward.held_out)


def register(run: Run, found: Sequence[RewardReference]) -> None:
    """The rows that lead from a run to its reward models, wherever a copy of their weights lies."""
    for reward in found:
        artifact = artifact_of(reward)
        if artifact:
            Reward.objects.get_or_create(
                run=run, artifact=artifact, defaults={"weight": reward.weight, "held_out": reward.held_out}
            )


def artifact_of(reward: RewardReference) -> Artifact | None:
    """None of a function, and of a model that this database has never seen."""
    if not reward.hash:
        return None
    same = Artifact.objects.filter(sha256=reward.hash, kind=Artifact.Kind.REWARD_MODEL)
    return same.filter(path=reward.source).first() or same.first()

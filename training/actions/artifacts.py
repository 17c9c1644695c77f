"""Weights: found by name or path, checked by hash, registered when a run has made them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from training.exceptions import InvalidBase, TrainingError
from training.ml.backbones import sources
from training.ml.run.rundir import RunDirectory
from training.models import Artifact, Run

TINY = sources.TINY
LISTED = 10
MAX_NAME = 200
MADE_BY = {
    Run.Kind.SFT: Artifact.Kind.POLICY,
    Run.Kind.DPO: Artifact.Kind.POLICY,
    Run.Kind.PPO: Artifact.Kind.POLICY,
    Run.Kind.RLOO: Artifact.Kind.POLICY,
    Run.Kind.RM: Artifact.Kind.REWARD_MODEL,
}
# A policy cannot go on from a model that has a score where its words were.
NEEDS_POLICY = frozenset({*Run.Kind} - {Run.Kind.RM})
# These learn from answers of their own, and a base of random weights has none.
NEEDS_ANSWERS = frozenset({Run.Kind.PPO, Run.Kind.RLOO, Run.Kind.BEST_OF_N})


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a run starts from. `location` goes into config.json; `identity`: hash of the weights, or a name."""

    location: str
    identity: str
    artifact: Artifact | None = None
    revision: str = ""

    @property
    def is_remote(self) -> bool:
        return self.identity.startswith("hub:")


def find_base(name: str, *, kind: str, revision: str = "") -> Base:
    """`tiny`, the name of an artifact or of the run that made it, a directory, or a name on the hub.

    `revision`: the commit of the hub that was meant before; without it the one that the name stands for now.

    Raises:
        InvalidBase: no such thing, no safetensors in it, other weights than were registered, or no policy.
    """
    if name == TINY and kind in NEEDS_ANSWERS:
        raise InvalidBase(
            f"The base `{TINY}` starts from nothing and has no answers yet: train it first (train_sft), and name "
            "what came out with --base."
        )
    if name == TINY:
        return Base(location=TINY, identity=TINY)
    artifact = find(name)
    path = Path(artifact.path if artifact else name).expanduser()
    if not name or not sources.is_directory(path):
        return hub_base(name, kind=kind, artifact=artifact, revision=revision)
    sources.check_directory(path)
    base = Base(location=str(path.resolve()), identity=digest(path), artifact=artifact)
    check_artifact(base, kind=kind)
    return base


def find(name: str) -> Artifact | None:
    """The artifact of this name, of the run of this name, or at this path."""
    found = Artifact.objects.select_related("run")
    by_path = found.filter(path=str(Path(name).expanduser().resolve()))
    return found.filter(name=name).first() or found.filter(run__name=name).first() or by_path.first()


def hub_base(name: str, *, kind: str, artifact: Artifact | None, revision: str) -> Base:
    if artifact:
        raise InvalidBase(f"The weights of {artifact} are gone from {artifact.path}: restore them, or train again.")
    if sources.is_hub_name(name):
        revision = revision or sources.commit_of(name)
        return Base(location=name, identity=f"hub:{name}@{revision}", revision=revision)
    raise InvalidBase(
        f"There is no base model {name!r}: no directory and no artifact is called so. Say `tiny`, a directory, "
        f"a name on the hub such as Qwen/Qwen3-0.6B, or an artifact{known_bases(kind)}."
    )


def known_bases(kind: str) -> str:
    """Of a reward model only another one can be made."""
    wanted = [Artifact.Kind.POLICY] if kind in NEEDS_POLICY else Artifact.Kind.values
    names = list(Artifact.objects.filter(kind__in=wanted).values_list("name", flat=True)[:LISTED])
    return f" ({', '.join(names)})" if names else " (there are none yet)"


def check_artifact(base: Base, *, kind: str) -> None:
    artifact = base.artifact
    if artifact is None:
        return
    if artifact.sha256 != base.identity:
        raise InvalidBase(
            f"The weights at {artifact.path} are not those that were registered as {artifact}: "
            "restore them, or give another copy of them as a path."
        )
    if kind in NEEDS_POLICY and artifact.kind != Artifact.Kind.POLICY:
        raise InvalidBase(f"{artifact} is a {artifact.get_kind_display().lower()}; {kind} starts from a policy.")


def digest(path: Path) -> str:
    """SHA-256 over the names and contents of the files in the directory, as 64 hexadecimal characters."""
    total = hashlib.sha256()
    for file in sorted(file for file in path.iterdir() if file.is_file()):
        with file.open("rb") as content:
            total.update(f"{hashlib.file_digest(content, 'sha256').hexdigest()}  {file.name}\n".encode())
    return total.hexdigest()


def check_name(name: str) -> None:
    """That an artifact may be called so."""
    if name == TINY:
        raise TrainingError(f"`{TINY}` is the built-in base: choose another --name.")
    if len(name) > MAX_NAME or not name.isprintable():
        raise TrainingError(f"--name: expected at most {MAX_NAME} printable characters.")
    holder = Artifact.objects.filter(name=name).select_related("run").first()
    if holder:
        raise TrainingError(f"There is an artifact {name!r} already, made by {holder.run}: choose another --name.")


@transaction.atomic
def register(run: Run, *, name: str) -> Artifact:
    """The row for what the run left behind. Repeating it changes nothing."""
    path = RunDirectory(Path(run.directory)).model
    artifact, _ = Artifact.objects.get_or_create(
        run=run,
        kind=MADE_BY[Run.Kind(run.kind)],
        defaults={"name": name, "path": str(path), "sha256": digest(path), "parent": find(run.base)},
    )
    return artifact

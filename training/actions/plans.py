"""What a run is to do, worked out in full before anything is begun."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from training.actions import artifacts, provenance, releases
from training.actions.artifacts import Base
from training.exceptions import InvalidRun, NotFound
from training.ml import knobs
from training.ml.data.fingerprints import fingerprint
from training.ml.knobs import Knobs, SftKnobs
from training.ml.reporting import repeat
from training.ml.run.rundir import Config, FileReference, RunDirectory
from training.models import Run

DEFAULT_SEED = 17
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done, without a name or a directory yet. `prompts`: the text of prompts.jsonl, for kinds that
    answer some; `functions`: of each Python function that rewards, the hash of the file that it stands in."""

    config: Config
    base: Base
    prompts: str = ""
    functions: dict[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Two runs of one hash may go on for one another: the same work on the same data from the same weights."""
        decides = {
            **self.config.identity(),
            "base": self.base.location,
            "weights": self.base.identity,
            "prompts": hashlib.sha256(self.prompts.encode()).hexdigest(),
            "project_version": self.config.project_version,
            **({"functions": self.functions} if self.functions else {}),
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def make(
    *,
    kind: str,
    release: str | None,
    base: str | None,
    values: Mapping[str, str] | None,
    seed: int | None,
    resume: str | None = None,
    data: Sequence[str] = (),
) -> Plan:
    """The work in full; what is not given comes from the run that is resumed, else from the defaults.

    `data`: files of demonstrations, beside a release or instead of one (sft).
    """
    before = config_before(resume, kind=kind)
    if before and before.release and not release:
        release = before.release.path
    if before and not data:
        data = [file.path for file in before.files_of("data")]
    if not release and not data:
        raise InvalidRun(f"Say which release to train on: --release R. {releases.existing()}")
    found = find_base(base, kind=kind, before=before)
    chosen = knobs.from_json(kind, before.knobs if before else {}, over=values)
    config = Config(
        name="",
        kind=kind,
        release=releases.find(release).reference if release else None,
        base=found.location,
        revision=found.revision,
        seed=checked_seed(seed if seed is not None else (before.seed if before else DEFAULT_SEED)),
        knobs=knobs.as_json(chosen),
        files=tuple(references(data, chosen, before=before)),
        commit=provenance.commit(),
        project_version=provenance.project_version(),
    )
    return Plan(config=config, base=found)


def config_before(resume: str | None, *, kind: str) -> Config | None:
    """Of the run that is to be gone on with.

    Raises:
        NotFound, InvalidRun: there is none of this name and kind.
    """
    before = directory_of(resume).read_config() if resume else None
    if before and before.kind != kind:
        raise InvalidRun(f"Run {resume} is of kind {before.kind}, not {kind}: use {repeat.command_of(before.kind)}.")
    return before


def find_base(name: str | None, *, kind: str, before: Config | None) -> Base:
    """As given, else that of the run before, else the default; a name of the hub keeps the commit it had then."""
    wanted = name or (before.base if before else settings.BASE_MODEL)
    kept = before.revision if before and before.base == wanted else ""
    return artifacts.find_base(wanted, kind=kind, revision=kept)


def references(data: Sequence[str], chosen: Knobs, *, before: Config | None) -> Iterator[FileReference]:
    """Every file that is to be read, as it is now; those that knobs name lie where the run before found them."""
    for path in data:
        yield reference("data", path)
    if isinstance(chosen, SftKnobs):
        for role in ("mix", "general"):
            name = getattr(chosen, role)
            known = before.files_of(role) if before and before.knobs.get(role) == name else ()
            if name:
                yield reference(role, known[0].path if known else name)


def reference(role: str, name: str) -> FileReference:
    path = Path(name).expanduser().resolve()
    return FileReference(role=role, path=str(path), hash=fingerprint(path))


def checked_seed(seed: int) -> int:
    if not 0 <= seed <= LARGEST_SEED:
        raise InvalidRun(f"--seed {seed}: expected a number from 0 to {LARGEST_SEED}.")
    return seed


def directory_of(name: str) -> RunDirectory:
    """The directory of the run of this name, whether or not this database knows it."""
    run = Run.objects.filter(name=name).first()
    path = Path(run.directory) if run else settings.RUNS_DIR / name
    if not (path / "config.json").is_file():
        known = ", ".join(Run.objects.exclude(state=Run.State.DONE).values_list("name", flat=True)[:10])
        raise NotFound(f"There is no run {name!r} to resume; unfinished are: {known or 'none'}.")
    return RunDirectory(path)


def differences(old: Config, new: Config) -> list[str]:
    """What was set otherwise, as `name old, now new`."""
    before, after = told(old), told(new)
    found = [
        f"{name} {before['knobs'].get(name)}, now {after['knobs'].get(name)}"
        for name in sorted(before["knobs"] | after["knobs"])
        if before["knobs"].get(name) != after["knobs"].get(name)
    ]
    return found + [
        f"{name} {before.get(name)}, now {after.get(name)}"
        for name in ("release", "data", "rewards", "base", "seed")
        if before.get(name) != after.get(name)
    ]


def told(config: Config) -> dict[str, Any]:
    """What decides, in words where it is no value."""
    rewards = [
        f"{reward.hash[:12] or reward.source}={reward.weight:g}{' held out' if reward.held_out else ''}"
        for reward in config.rewards
    ]
    return config.identity() | ({"rewards": " ".join(rewards)} if rewards else {})

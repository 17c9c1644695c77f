"""The command that would train a run once more."""

import shlex
from dataclasses import fields
from typing import Any

from training.ml import knobs
from training.ml.knobs.fields import as_text
from training.ml.reporting import repeat
from training.ml.run.rundir import Config, FileReference, ReleaseReference, RewardReference
from training.models import Artifact, Run


def command(run: Run, *, base: Artifact | None, processes: int) -> str:
    """As a report has it, but with the name of the base, and before there is a report. A kind without a command of
    its own: its process."""
    if run.kind not in repeat.TRAINED:
        return shlex.join(["python", "-m", "training.ml", run.directory])
    config = Config(
        name=run.directory,
        kind=run.kind,
        release=ReleaseReference(path="", hash=run.release_hash) if run.release_hash else None,
        base=base.name if base else run.base,
        seed=run.seed,
        knobs=knobs_of(run),
        files=tuple(files_of(run)),
        rewards=tuple(rewards_of(run)),
    )
    return f"python {repeat.command(config, processes=processes)}"


def files_of(run: Run) -> list[FileReference]:
    """What it read beside its release."""
    wanted = {field.name for field in fields(FileReference)}
    return [FileReference(**{name: str(file[name]) for name in wanted}) for file in listed(run, "files", wanted)]


def rewards_of(run: Run) -> list[RewardReference]:
    """What its answers were rewarded by."""
    wanted = {field.name for field in fields(RewardReference)}
    return [
        RewardReference(
            source=str(reward["source"]),
            weight=float(reward["weight"]),
            hash=str(reward["hash"]),
            held_out=reward["held_out"] is True,
        )
        for reward in listed(run, "rewards", wanted)
        if isinstance(reward["weight"], int | float)
    ]


def listed(run: Run, name: str, wanted: set[str]) -> list[dict[str, Any]]:
    """The objects under a name of its configuration that have all these fields."""
    found = run.config.get(name) if isinstance(run.config, dict) else None
    whole = [item for item in (found if isinstance(found, list) else []) if isinstance(item, dict)]
    return [item for item in whole if wanted <= set(item)]


def changed_knobs(run: Run) -> set[str]:
    """What differs from the defaults of today."""
    defaults = {knob.name: knob.default for knob in knobs.describe(run.kind)} if run.kind in knobs.KINDS else {}
    return {name for name, value in knobs_of(run).items() if defaults.get(name) != as_text(value)}


def knobs_of(run: Run) -> dict[str, Any]:
    given = run.config.get("knobs") if isinstance(run.config, dict) else None
    return given if isinstance(given, dict) else {}

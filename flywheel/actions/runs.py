"""Training for the loop: what was trained once is not trained again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from flywheel.exceptions import NotReady
from flywheel.models import Generation
from training.actions import artifacts, learning, plans, prompts, runs
from training.actions.plans import Plan
from training.models import Artifact, Run


def trained(
    *,
    kind: str,
    release: str,
    base: str,
    values: Mapping[str, str],
    seed: int,
    rewards: Sequence[str] = (),
    terminal: TextIO | None = None,
) -> Run:
    """A finished run of exactly this plan, whose weights are still there; else train it now, or go on with it.

    A turn that was killed between the end of its training and the note that it ended finds its run again so. With
    `rewards` it answers the prompts of the release and learns from what these reward models say.
    """
    plan = plan_of(kind=kind, release=release, base=base, values=values, seed=seed, rewards=rewards)
    for run in Run.objects.filter(config_hash=plan.hash, state=Run.State.DONE):
        if is_whole(run):
            return run
    return runs.work(plan, terminal=terminal)


def plan_of(
    *, kind: str, release: str, base: str, values: Mapping[str, str], seed: int, rewards: Sequence[str]
) -> Plan:
    if not rewards:
        return plans.make(kind=kind, release=release, base=base, values=values, seed=seed)
    asked = prompts.of_release(release)
    return learning.plan(kind=kind, asked=asked, base=base, trained_on=rewards, values=values, seed=seed)


def is_whole(run: Run) -> bool:
    artifact = run.artifacts.first()
    return (
        artifact is not None
        and Path(artifact.path).is_dir()
        and artifacts.digest(Path(artifact.path)) == artifact.sha256
    )


def artifact_of(run: Run) -> Artifact:
    artifact = run.artifacts.first()
    if artifact is None:
        raise NotReady(f"Run {run} left no artifact behind: its directory {run.directory} says why.")
    return artifact


def base_of(generation: Generation) -> str:
    """What the next generation is trained from.

    Raises:
        NotReady: the generation answers from a server, so there are no weights here.
    """
    if generation.artifact:
        return generation.artifact.path
    location = generation.policy.location
    if not location or location.startswith(("http://", "https://")):
        raise NotReady(
            f"{generation} has no weights on this machine, so nothing can be trained from it: promote a generation "
            "that has an artifact, or set the policy's location to a directory of weights."
        )
    return location

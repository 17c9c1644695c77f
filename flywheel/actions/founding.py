"""The first generation of a project, so that a turn has something to improve."""

from collections.abc import Mapping
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from annotation.actions import releases
from annotation.exceptions import EmptyRelease
from annotation.models import Project, Release
from flywheel.actions import generations, runs, trail
from flywheel.exceptions import NotReady
from flywheel.models import Generation
from training.actions.artifacts import TINY
from training.models import Artifact


def found(
    project: Project,
    *,
    base: str,
    values: Mapping[str, str] | None = None,
    seed: int = 17,
    sources: tuple[str, ...] = ("human", "imported"),
    by: User | None = None,
) -> Generation:
    """The promoted generation; if there is none, the base fine-tuned on the project's demonstrations (without any:
    on its best-ranked answers; without these: the base as it is) becomes generation 0.

    Raises:
        NotReady: nothing to learn from, and the base is one that knows nothing.
    """
    present = generations.incumbent(project)
    if present:
        return present
    release = first_release(project, sources=sources, by=by)
    if release:
        artifact = runs.artifact_of(
            runs.trained(kind="sft", release=release.path, base=base, values=values or {}, seed=seed)
        )
        return first(project, artifact=artifact, location=artifact.path, by=by)
    if base == TINY:
        raise NotReady(
            f"Project {project.slug} has neither demonstrations nor judgements, and the built-in tiny base knows "
            "nothing by itself: import demonstrations, or set BASE_MODEL to a model that answers already."
        )
    return first(project, artifact=None, location=base, by=by)


def first_release(project: Project, *, sources: tuple[str, ...], by: User | None) -> Release | None:
    for contents in ("demonstrations", "rankings"):
        try:
            return releases.export(project, contents=contents, sources=sources, by=by)
        except EmptyRelease:
            continue
    return None


@transaction.atomic
def first(project: Project, *, artifact: Artifact | None, location: str, by: User | None) -> Generation:
    generation = generations.add(project, artifact=artifact, location=location, by=by)
    generations.make_incumbent(generation)
    trail.record(
        "generation promoted",
        project,
        by=by,
        generation=generation.number,
        reason=f"the first: nothing answered before ({Path(location).name})",
    )
    return generation

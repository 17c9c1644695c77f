"""Freeze judgements into a release: the directory that training reads, and the rows that lineage walks."""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from annotation.actions import audit, release_labels, release_weights
from annotation.actions.release_labels import CONSENSUS, VOTES
from annotation.actions.release_selection import DEFAULT_PURPOSES, DEFAULT_SOURCES, Filters, Selection
from annotation.actions.release_weights import EQUAL
from annotation.exceptions import DamagedRelease, EmptyRelease, UnwritableFile
from annotation.formats import release as files
from annotation.formats.manifest import FORMAT_VERSION, TIE_POLICY, Manifest
from annotation.formats.release_rows import Record
from annotation.formats.views.view import View
from annotation.models import Project, Release, ReleasedJudgement

LINKS_AT_ONCE = 2000

Progress = Callable[[int], object]


def export(
    project: Project,
    *,
    contents: str = "rankings",
    sources: Sequence[str] = DEFAULT_SOURCES,
    purposes: Sequence[str] = DEFAULT_PURPOSES,
    tags: Sequence[str] = (),
    weights: str = EQUAL,
    labels: str = VOTES,
    by: User | None = None,
    progress: Progress | None = None,
) -> Release:
    """Freeze what the filters leave into RELEASES_DIR/<slug>-<hash>/ and register it.

    The same judgements are the same release: an equal one that is there already is verified and given back, with the
    filters under which it was first made. `weights`: one of `release_weights.METHODS`. `labels`: one of
    `release_labels.LABELS`. `progress` is called with 1 for each row.

    Raises:
        EmptyRelease: the filters leave nothing.
        Unweighable: the judgements do not allow to weigh their annotators.
        DamagedRelease: an equal release is there, but was changed.
        UnwritableFile: RELEASES_DIR cannot be written.
    """
    selection = selected(project, contents=contents, sources=sources, purposes=purposes, tags=tags)
    root = Path(settings.RELEASES_DIR)
    try:
        with building(root, project.slug) as directory:
            manifest = built(selection, directory, weights=weights, labels=labels, progress=progress)
            files.seal(directory, manifest)
            path = root / f"{project.slug}-{manifest['hash'][:12]}"
            manifest = publish(directory, path)
    except OSError as error:
        raise UnwritableFile(f"The release cannot be written under {root}: {error}.") from error
    return register(selection, path=path, manifest=manifest, by=by)


def excluded(
    project: Project, *, contents: str, sources: Sequence[str], purposes: Sequence[str], tags: Sequence[str]
) -> int:
    """How many judgements the same export leaves out now because somebody excluded them. The manifest of a release
    tells how many it were when it was first made."""
    return selected(project, contents=contents, sources=sources, purposes=purposes, tags=tags).excluded()


def selected(
    project: Project, *, contents: str, sources: Sequence[str], purposes: Sequence[str], tags: Sequence[str]
) -> Selection:
    filters = Filters(contents=contents, sources=tuple(sources), purposes=tuple(purposes), tags=tuple(tags))
    return Selection(project, filters)


@contextmanager
def building(root: Path, slug: str) -> Iterator[Path]:
    """An empty directory beside the releases; whoever else exports this project waits. What a crash left is removed
    by the next export."""
    root.mkdir(parents=True, exist_ok=True)
    directory = root / f".building-{slug}"
    with (root / f".{slug}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def counted(records: Iterator[Record], progress: Progress | None) -> Iterator[Record]:
    for record in records:
        yield record
        if progress:
            progress(1)


def built(selection: Selection, directory: Path, *, weights: str, labels: str, progress: Progress | None) -> Manifest:
    """Write the rows; what their manifest will say."""
    digest = files.write_rows(directory, counted(selection.records(), progress))
    if not digest.counts["rows"]:
        raise EmptyRelease(empty_sentence(selection))
    how: dict[str, Any] = {"weights": {"method": EQUAL}, "labels": {"kind": VOTES}}
    if weights != EQUAL:
        weighing = release_weights.weighing(files.read_rows(directory), method=weights)
        digest, how["weights"] = rewritten(directory, weighing.weighed), weighing.manifest
    if labels == CONSENSUS:
        method = release_labels.METHOD if weights == EQUAL else weights
        labelling = release_labels.labelling(files.read_rows(directory), method=method)
        digest, how["labels"] = rewritten(directory, labelling.labelled, labelled=True), labelling.manifest
    return manifest_of(selection, digest, **how)


def rewritten(
    directory: Path, change: Callable[[Iterator[Record]], Iterator[Record]], *, labelled: bool = False
) -> files.Digest:
    """Write the rows that are there anew, changed. The database is not asked a second time: somebody may have judged
    meanwhile."""
    before = directory / "before"
    before.mkdir()
    (directory / files.PARQUET).rename(before / files.PARQUET)
    digest = files.write_rows(directory, change(files.read_rows(before)), labelled=labelled)
    shutil.rmtree(before)
    return digest


def empty_sentence(selection: Selection) -> str:
    reasons = []
    if selection.filters.contents != "demonstrations":
        reasons.append(selection.left_out())
    if selection.filters.contents != "rankings":
        reasons.append("there is no answer that people wrote and nobody judged")
    return (
        f"Nothing to release from project {selection.project.slug!r}: {'; '.join(reasons)}. "
        "Ask for more by name, such as --source simulated or --contents both, or rank something first."
    )


def manifest_of(
    selection: Selection, digest: files.Digest, *, weights: dict[str, Any], labels: dict[str, Any]
) -> Manifest:
    return {
        "format_version": FORMAT_VERSION,
        "hash": digest.hash,
        "project": selection.project.slug,
        "filters": selection.filters.as_dict(),
        "tie_policy": TIE_POLICY,
        "weights": weights,
        "labels": labels,
        "excluded": selection.excluded(),
        "policies": dict(sorted(selection.policy_kinds.items())),
        "counts": digest.counts,
    }


def publish(built: Path, path: Path) -> Manifest:
    """Rename the finished directory into place, or take the equal one that is there."""
    manifest = files.read_manifest(built)
    if path.exists():
        found = files.verify(path)
        if found["hash"] != manifest["hash"]:
            raise DamagedRelease(f"{path} holds another release of the same name. Move it away and export again.")
        return found
    built.rename(path)
    files.sync(path.parent)
    return manifest


@transaction.atomic
def register(selection: Selection, *, path: Path, manifest: Manifest, by: User | None) -> Release:
    release, made = Release.objects.get_or_create(
        project=selection.project,
        hash=manifest["hash"],
        defaults={"name": path.name, "path": str(path), "manifest": manifest, "created_by": by},
    )
    if made:
        link(release, selection)
        audit.record("release exported", f"release {release.name}", by=by, **manifest["filters"])
    elif release.path != str(path):
        release.path = str(path)
        release.save(update_fields=["path"])
    return release


def link(release: Release, selection: Selection) -> None:
    links = (ReleasedJudgement(release=release, judgement_id=key) for key in selection.judgement_ids)
    while some := list(islice(links, LINKS_AT_ONCE)):
        ReleasedJudgement.objects.bulk_create(some)


def view_path(release: Release, view: View) -> Path:
    """Where a view goes that nobody named a file for: beside the releases, for a release is never written to."""
    directory = Path(settings.RELEASES_DIR) / "views" / release.name
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableFile(f"{directory} cannot be made: {error.strerror}.") from error
    return directory / f"{view.name}{view.suffix}"

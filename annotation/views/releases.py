from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from annotation.actions.members import ENGINEERS, REVIEWERS, project_for
from annotation.exceptions import (
    DamagedRelease,
    EmptyRelease,
    LargeRelease,
    NotFound,
    Unweighable,
    UnwritableFile,
)
from annotation.forms.releasing import EQUAL, VOTES, ReleaseForm
from annotation.models import Exclusion, Project, Release
from annotation.views.requests import MemberRequest, signed_in

PARTS = {
    "comparisons": gettext_lazy("Comparisons"),
    "sources": gettext_lazy("Sources"),
    "policies": gettext_lazy("Policies"),
    "annotators": gettext_lazy("Annotators"),
    "guidelines": gettext_lazy("Guidelines"),
    "purposes": gettext_lazy("Purposes"),
}
FACTS = ("format_version", "tie_policy", "filters")
MOST_JUDGEMENTS = 5_000  # that are frozen where somebody waits: up to eight seconds of two busy cores
REFUSALS = (DamagedRelease, EmptyRelease, LargeRelease, UnwritableFile, Unweighable)
THERE_ALREADY = gettext_lazy("The same judgements had been frozen already: this is the release.")


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    columns: list[str]
    rows: list[tuple[str, list[int]]]


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def index(request: MemberRequest, slug: str) -> HttpResponse:
    """What was frozen from this project, newest first; whoever may freeze more does so here."""
    project = project_for(request.user, slug, roles=ENGINEERS if request.method == "POST" else REVIEWERS)
    form = ReleaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        began = timezone.now()
        try:
            release = frozen(project, **form.cleaned_data, by=request.user)
        except REFUSALS as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, gettext("Frozen.") if release.created_at >= began else THERE_ALREADY)
            return redirect("annotation:release", slug, release.name)
    page = Paginator(project.releases.order_by("-created_at", "-id"), 50).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "form": form}
    return render(request, "annotation/releases.html", context, status=400 if form.errors else 200)


def frozen(project: Project, *, labels: str, weights: str, by: User) -> Release:
    """What it takes to compute is loaded by the first one, not with the pages.

    Raises:
        LargeRelease: more than a page can wait for.
        EmptyRelease, Unweighable, DamagedRelease, UnwritableFile: see `releases.export`.
    """
    selection = import_module("annotation.actions.release_selection")
    said = selection.Selection(project, selection.Filters()).said()
    if said[: MOST_JUDGEMENTS + 1].count() > MOST_JUDGEMENTS:
        command = f"manage.py export_release --project {project.slug} --labels {labels} --weights {weights}"
        sentence = gettext("More than %(most)s judgements are too much for a page: on the server, run %(command)s.")
        raise LargeRelease(sentence % {"most": intcomma(MOST_JUDGEMENTS), "command": command})
    export = import_module("annotation.actions.releases").export
    return cast(Release, export(project, labels=labels, weights=weights, by=by))


@require_safe
@signed_in
def detail(request: MemberRequest, slug: str, name: str) -> HttpResponse:
    project = project_for(request.user, slug, roles=REVIEWERS)
    release = project.releases.filter(name=name).first()
    if release is None:
        raise NotFound(gettext("%(project)s has no release “%(name)s”.") % {"project": project, "name": name})
    counts = release.manifest.get("counts", {})
    context = {
        "project": project,
        "release": release,
        "counts": counts,
        "tables": tables_of(counts),
        "excluded_since": Exclusion.objects.current().filter(judgement__releases=release).count(),
        "facts": [*how(release.manifest), *((name, release.manifest.get(name)) for name in FACTS)],
    }
    return render(request, "annotation/release.html", context)


def how(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a judgement counts in it, and what its labels are; releases from before there was a choice do not say."""
    weights, labels = manifest.get("weights", {}), manifest.get("labels", {})
    return [("labels", labels.get("kind", VOTES)), ("weights", weights.get("method", EQUAL))]


def tables_of(counts: Mapping[str, Any]) -> list[Table]:
    """The manifest's counts as tables; splits are counted in the first, so that train and test stand side by side."""
    splits = counts.get("splits", {})
    whole = [name for name, value in counts.items() if isinstance(value, int)]
    sums = [(name, [counts[name], *(split.get(name, 0) for split in splits.values())]) for name in whole]
    whole_column = gettext("in all")
    parts = [
        Table(
            name=str(title),
            columns=[whole_column],
            rows=[(key, [value]) for key, value in counts.get(part, {}).items()],
        )
        for part, title in PARTS.items()
    ]
    return [
        Table(name=gettext("Rows"), columns=[whole_column, *splits], rows=sums),
        *(table for table in parts if table.rows),
    ]

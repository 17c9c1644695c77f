from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_safe

from annotation.actions.members import REVIEWERS, project_for
from annotation.exceptions import NotFound
from annotation.models import Exclusion
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


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    columns: list[str]
    rows: list[tuple[str, list[int]]]


@require_safe
@signed_in
def index(request: MemberRequest, slug: str) -> HttpResponse:
    """What was frozen from this project, newest first."""
    project = project_for(request.user, slug, roles=REVIEWERS)
    page = Paginator(project.releases.order_by("-created_at", "-id"), 50).get_page(request.GET.get("page"))
    return render(request, "annotation/releases.html", {"project": project, "page": page})


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
        "facts": [(name, release.manifest.get(name)) for name in FACTS],
    }
    return render(request, "annotation/release.html", context)


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

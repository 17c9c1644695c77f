"""Finding the project that a person named on a command line."""

from annotation.exceptions import NotFound
from annotation.models import Project

PROJECT_HELP = "The project's short name."
LISTED = 10


def named(slug: str) -> Project:
    """
    Raises:
        NotFound: there is none of this name; the sentence says which there are.
    """
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise unknown(slug)
    return project


def unknown(slug: str, *, hint: str = "") -> NotFound:
    known = list(Project.objects.order_by("slug").values_list("slug", flat=True)[: LISTED + 1])
    names = ", ".join([*known[:LISTED], *(["…"] if len(known) > LISTED else [])])
    there = f"There are: {names}." if known else "There are none yet."
    return NotFound(f"There is no project {slug!r}. {there}{hint and f' {hint}'}")

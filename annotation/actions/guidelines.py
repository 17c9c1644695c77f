"""What a project is judged by, in numbered versions."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.actions import audit
from annotation.exceptions import ChangedMeanwhile
from annotation.models import Guideline, Project


def publish(project: Project, *, text: str, changes: str = "", after: int, by: User | None) -> Guideline:
    """The next version. `after` is the number of the one that was open while this was written, 0 for none.

    Raises:
        ChangedMeanwhile: somebody published another one since.
    """
    latest = project.guideline
    if (latest.number if latest else 0) != after:
        raise _overtaken()
    try:
        with transaction.atomic():
            guideline = Guideline.objects.create(project=project, number=after + 1, text=text, changes=changes)
            audit.record("guideline published", f"project {project.slug}", by=by, number=guideline.number)
    except IntegrityError:
        raise _overtaken() from None
    return guideline


def _overtaken() -> ChangedMeanwhile:
    return ChangedMeanwhile(
        _("Someone else published a version after you opened this page. Yours is kept here: compare, and save again.")
    )

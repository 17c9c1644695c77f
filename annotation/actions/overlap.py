"""Asking more people about tasks that already wait."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet

from annotation.actions import audit
from annotation.models import Project, Slot, Task

BATCH = 500


def narrower(project: Project, *, overlap: int) -> QuerySet[Task]:
    """Tasks that still wait and ask fewer people than `overlap`."""
    return Task.objects.filter(
        project=project, state=Task.State.OPEN, purpose=Task.Purpose.LABEL, overlap__lt=overlap
    ).order_by("pk")


def widen(project: Project, *, overlap: int, by: User) -> int:
    """Give every waiting task the places that it lacks; finished ones stay finished. How many tasks got some.

    Each batch is kept as it is made: interrupted, call again.
    """
    widened = 0
    while batch := list(narrower(project, overlap=overlap).values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            places = Task.objects.filter(pk__in=batch).annotate(n=Count("slots")).values_list("pk", "n")
            Slot.objects.bulk_create(
                [Slot(task_id=pk, number=number) for pk, n in places for number in range(n + 1, overlap + 1)],
                ignore_conflicts=True,
            )
            Task.objects.filter(pk__in=batch).recount()
        widened += len(batch)
    audit.record("overlap raised", f"project {project.slug}", by=by, overlap=overlap, tasks=widened)
    return widened

"""Somebody wants newer figures now. Nothing is measured here: the keeper sees it at its next look."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotation.actions import audit
from annotation.models import Measurement, Project


@transaction.atomic
def ask(project: Project, *, voices: str, by: User | None) -> Measurement:
    asked = {"asked_at": timezone.now()}
    measurement, _ = Measurement.objects.update_or_create(project=project, voices=voices, defaults=asked)
    audit.record("figures asked for", f"project {project.slug}", by=by, voices=voices)
    return measurement

"""What stands around a run: the release it read, and the generations that it led to. As far as the reader may see."""

from collections.abc import Sequence

from django import template
from django.contrib.auth.models import User
from django.db.models import Q

from annotation.models import Release
from flywheel.models import Generation
from flywheel.permissions import loops_of
from training.models import Artifact, Run

register = template.Library()


@register.simple_tag
def release_of(run: Run, user: User) -> Release | None:
    """Where two projects froze the same rows, any of the two releases is the one."""
    if not run.release_hash:
        return None
    found = Release.objects.filter(hash=run.release_hash, project__in=loops_of(user))
    return found.select_related("project").defer("manifest").first()


@register.simple_tag
def generations_from(artifacts: Sequence[Artifact], user: User) -> list[Generation]:
    """Those that answer with one of these models, and those whose answers one of them scored."""
    if not artifacts:
        return []
    led = Q(artifact__in=artifacts) | Q(reward_model__in=artifacts)
    return list(Generation.objects.filter(led, project__in=loops_of(user)).select_related("project", "policy"))

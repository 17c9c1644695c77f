from django import template
from django.contrib.auth.models import User

from annotation import permissions
from annotation.models import Membership, Project

register = template.Library()


@register.simple_tag
def place_in(project: Project, user: User) -> dict[str, bool]:
    """Which of a project's pages and acts are this person's; one query."""
    role = Membership.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    return {
        "reviews": permissions.may_see_releases(user, role=role),
        "freezes": permissions.may_freeze(user, role=role),
        "administers": permissions.may_administer(user, role=role),
    }

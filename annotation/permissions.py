"""What a page offers to whom. The pages themselves are guarded by `members.project_for`, by the same roles."""

from django.contrib.auth.models import User

from annotation.actions.members import ADMINS, REVIEWERS
from annotation.models import Membership


def may_see_releases(user: User, *, role: str | None) -> bool:
    return user.is_superuser or role in REVIEWERS


def may_administer(user: User, *, role: str | None) -> bool:
    return user.is_superuser or role in ADMINS


def may_make_projects(user: User) -> bool:
    """Who runs the installation, who looks after a project already, and who was given the right."""
    if user.is_superuser or Membership.objects.filter(user=user, role__in=ADMINS).exists():
        return True
    return user.has_perm("annotation.add_project")


def may_see_loop(user: User) -> bool:
    """Whether there is any project whose loop this person may see."""
    return user.is_superuser or Membership.objects.filter(user=user, role__in=REVIEWERS).exists()

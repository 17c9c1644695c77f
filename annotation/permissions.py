"""What a page offers to whom. The pages themselves are guarded by `members.project_for`, by the same roles."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from annotation.actions.members import ADMINS, ENGINEERS, REVIEWERS
from annotation.models import Membership


def may_see_releases(user: User, *, role: str | None) -> bool:
    return user.is_superuser or role in REVIEWERS


def may_freeze(user: User, *, role: str | None) -> bool:
    return user.is_superuser or role in ENGINEERS


def may_administer(user: User, *, role: str | None) -> bool:
    return user.is_superuser or role in ADMINS


def may_make_projects(user: User) -> bool:
    """Who runs the installation, who looks after a project already, and who was given the right."""
    if user.is_superuser or Membership.objects.filter(user=user, role__in=ADMINS).exists():
        return True
    return user.has_perm("annotation.add_project")


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Of the pages about all projects, those that a person may see."""

    loop: bool
    runs: bool


def pages_of(user: User) -> Pages:
    """Loops are shown to the reviewers of any project, runs to the engineers of any and to staff. One query."""
    if user.is_superuser:
        return Pages(loop=True, runs=True)
    roles = set(Membership.objects.filter(user=user).order_by().values_list("role", flat=True).distinct())
    return Pages(loop=not roles.isdisjoint(REVIEWERS), runs=user.is_staff or not roles.isdisjoint(ENGINEERS))

"""What a page offers to whom. The pages themselves are guarded by `members.project_for`, by the same roles."""

from django.contrib.auth.models import User

from annotation.actions.members import REVIEWERS
from annotation.models import Membership


def may_see_releases(user: User, *, role: str | None) -> bool:
    return user.is_superuser or role in REVIEWERS


def may_see_loop(user: User) -> bool:
    """Whether there is any project whose loop this person may see."""
    return user.is_superuser or Membership.objects.filter(user=user, role__in=REVIEWERS).exists()

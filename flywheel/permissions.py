"""Who may see which loops, and who may see runs: training knows no projects, so it asks this floor."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet

from annotation import permissions
from annotation.actions.members import REVIEWERS
from annotation.models import Project

SEES_RUNS = "training.view_run"


def loops_of(user: User) -> "QuerySet[Project]":
    """The projects whose loop this person may see."""
    member = Q(memberships__user=user, memberships__role__in=REVIEWERS)
    return Project.objects.all() if user.is_superuser else Project.objects.filter(member).distinct()


class EngineersSeeRuns(BaseBackend):
    """`training.view_run` for staff, and for whoever is an engineer or an admin of some project."""

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: Any = None) -> bool:
        if perm != SEES_RUNS or not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return permissions.pages_of(user_obj).runs

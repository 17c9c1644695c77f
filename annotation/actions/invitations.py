"""Links that make whoever opens them a member. The link itself is kept nowhere: only its hash."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.actions import audit
from annotation.actions.members import RANKS
from annotation.exceptions import UnusableInvitation
from annotation.models import Invitation, Membership, Project

TOKEN_BYTES = 32
LONGEST_TOKEN = 100
Role = Membership.Role


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(
    project: Project, *, role: str, groups: list[str], skills: list[str], uses: int, days: int, by: User
) -> tuple[Invitation, str]:
    """An invitation, and the token that nobody will be able to read again."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation = Invitation.objects.create(
        project=project,
        digest=digest_of(token),
        role=role,
        groups=groups,
        skills=skills,
        uses_left=uses,
        expires_at=timezone.now() + timedelta(days=days),
        created_by=by,
    )
    audit.record("invitation made", f"project {project.slug}", by=by, invitation=invitation.pk, role=role, uses=uses)
    return invitation, token


def standing() -> QuerySet[Invitation]:
    """Usable, and made by somebody who may still invite: who is dismissed cannot come back through an old link."""
    admins = Membership.objects.filter(project=OuterRef("project"), user=OuterRef("created_by"), role=Role.ADMIN)
    may_invite = Q(created_by__is_superuser=True) | Exists(admins)
    return Invitation.objects.usable().filter(may_invite, created_by__is_active=True)


def by_token(token: str) -> Invitation:
    """
    Raises:
        UnusableInvitation: whatever the reason, in the same words.
    """
    return by_digest(digest_of(token[:LONGEST_TOKEN]))


def by_digest(digest: str) -> Invitation:
    """
    Raises:
        UnusableInvitation: whatever the reason, in the same words.
    """
    invitation = standing().filter(digest=digest).select_related("project").first()
    if invitation is None:
        raise unusable()
    return invitation


def unusable() -> UnusableInvitation:
    return UnusableInvitation(
        _(
            "This invitation cannot be used: it is wrong, used up, expired or withdrawn. "
            "Ask whoever sent it for another."
        )
    )


@transaction.atomic
def accept(invitation: Invitation, *, user: User) -> Membership:
    """Make the person a member, or more than they are. It takes a use only if that changes something.

    Raises:
        UnusableInvitation: somebody else took the last use, or it was withdrawn.
    """
    # The first statement is a write: of two clicks the second one waits here and then sees what the first one did.
    uses = Invitation.objects.usable().filter(pk=invitation.pk)
    taken = uses.update(uses_left=F("uses_left") - 1)
    offer = {"role": invitation.role, "groups": invitation.groups, "skills": invitation.skills}
    # Locked: who is demoted at this moment is not made again what they were.
    rows = Membership.objects.select_for_update(no_key=True)
    membership, joined = rows.get_or_create(project=invitation.project, user=user, defaults=offer)
    if not joined and _covers(membership, invitation):
        transaction.set_rollback(True)
        return membership
    if not taken:
        raise unusable()
    if not joined:
        _raise_to(membership, invitation)
    slug, name = invitation.project.slug, user.get_username()
    audit.record(
        "invitation accepted", f"project {slug}", by=user, invitation=invitation.pk, user=name, role=membership.role
    )
    return membership


def _covers(membership: Membership, invitation: Invitation) -> bool:
    return (
        _higher(membership.role, invitation.role) == membership.role
        and set(invitation.groups) <= set(membership.groups)
        and set(invitation.skills) <= set(membership.skills)
    )


def _raise_to(membership: Membership, invitation: Invitation) -> None:
    """It never takes anything away."""
    membership.role = _higher(membership.role, invitation.role)
    membership.groups = list(dict.fromkeys([*membership.groups, *invitation.groups]))
    membership.skills = list(dict.fromkeys([*membership.skills, *invitation.skills]))
    membership.save(update_fields=["role", "groups", "skills"])


def _higher(one: str, other: str) -> str:
    return max(one, other, key=lambda role: RANKS.index(Role(role)))


@transaction.atomic
def revoke(invitation: Invitation, *, by: User) -> None:
    if Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        slug = invitation.project.slug
        audit.record("invitation withdrawn", f"project {slug}", by=by, invitation=invitation.pk)

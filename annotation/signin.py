"""How people come in."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from annotation.actions import invitations
from annotation.exceptions import UnusableInvitation
from annotation.models import Invitation
from annotation.models.prepared import ID, Prepared

INVITATION = "invitation"

_user = Prepared(lambda pk: User.objects.filter(pk=pk), pk=ID)


def keep_invitation(request: HttpRequest, invitation: Invitation | None) -> None:
    """Remember the invitation's hash in the session, or forget it."""
    if invitation is None:
        request.session.pop(INVITATION, None)
    else:
        request.session[INVITATION] = invitation.digest


def invited_by(request: HttpRequest) -> Invitation | None:
    """The invitation that this person opened, if it can still be used."""
    try:
        return invitations.by_digest(str(request.session.get(INVITATION, "")))
    except UnusableInvitation:
        return None


class Accounts(ModelBackend):
    """Django's own; who is signed in is asked at every request, so that question is compiled once."""

    def get_user(self, user_id: int) -> User | None:
        user = _user.first(pk=user_id)
        return user if self.user_can_authenticate(user) else None


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships without types
    """Accounts are given by an admin, by hand or by an invitation; nobody signs up by themselves."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return invited_by(request) is not None

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The account and its use of the invitation are one: no second account comes of one use.

        Raises:
            UnusableInvitation: somebody else took the last use while the form was filled in; there is no account.
        """
        invitation = invited_by(request)
        if invitation is None:
            raise invitations.unusable()
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=True)
            invitations.accept(invitation, user=saved)
        keep_invitation(request, None)
        return saved

"""Coming into a project through an invitation, with an account or to make one."""

from typing import Any

from allauth.account.views import SignupView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.actions import invitations
from annotation.models import Invitation
from annotation.signin import invited_by, keep_invitation


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """What the link leads to. Looking at it changes nothing; a button joins, or keeps the invitation (its hash) in
    the session for as long as signing in takes, so that no further address holds the token."""
    return answered(request, invitations.by_token(token))


@require_http_methods(["GET", "HEAD", "POST"])
def joining(request: HttpRequest) -> HttpResponse:
    """The same for somebody who has just signed in."""
    invitation = invited_by(request)
    if invitation is None:
        raise invitations.unusable()
    return answered(request, invitation)


def answered(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if request.method != "POST":
        return shown(request, invitation)
    if request.user.is_authenticated:
        return joined(request, invitation)
    keep_invitation(request, invitation)
    if "signup" in request.POST:
        return redirect("account_signup")
    return redirect(f"{reverse('account_login')}?{urlencode({'next': reverse('annotation:joining')})}")


def shown(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    response = render(request, "annotation/project/join.html", {"invitation": invitation})
    add_never_cache_headers(response)
    # The address holds the token: what follows from this page is told the site's name alone.
    response["Referrer-Policy"] = "strict-origin"
    return response


def joined(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if request.user.is_authenticated:
        invitations.accept(invitation, user=request.user)
    keep_invitation(request, None)
    messages.success(request, _("You are a member of %(project)s now.") % {"project": invitation.project})
    return redirect("annotation:projects")


class InvitedSignup(SignupView):  # type: ignore[misc]  # allauth ships without types
    """Open to whoever holds an invitation that can be used; to anybody else there is nothing here."""

    def closed(self) -> HttpResponse:
        raise invitations.unusable()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "invitation": invited_by(self.request)}

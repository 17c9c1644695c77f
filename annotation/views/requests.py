"""What our middleware adds to a request, and who may come in."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request of a person who has signed in."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[MemberRequest, P], HttpResponse]


def signed_in(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Send strangers to the sign-in page and back to where they were; under htmx the whole page goes there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(cast(MemberRequest, request), *args, **kwargs)
        login = redirect_to_login(request.path if request.method == "GET" else "/")
        return HttpResponseClientRedirect(login.url) if request.headers.get("HX-Request") else login

    return cast(Callable[Concatenate[HttpRequest, P], HttpResponse], guarded)


def content_length(request: HttpRequest) -> int:
    """How many bytes the request says it has."""
    said = str(request.META.get("CONTENT_LENGTH", ""))
    return int(said) if said.isdecimal() else 0

"""The one place where a domain error becomes a page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from annotation.exceptions import AnnotationError
from flywheel.exceptions import FlywheelError
from training.exceptions import TrainingError


class DomainErrorMiddleware:
    """Answers a domain error with its own status and its sentence. Under htmx: the fragment alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, AnnotationError | TrainingError | FlywheelError):
            return None
        template = "_error.html" if request.headers.get("HX-Request") else "error.html"
        return render(request, template, {"message": str(error)}, status=error.status_code)

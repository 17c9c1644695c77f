"""The one place where an error becomes an answer of the API: always {"detail": sentence}."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotation.exceptions import AnnotationError


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, AnnotationError):
        return Response({"detail": str(error)}, status=error.status_code)
    if isinstance(error, RecursionError):  # the JSON reader's answer to a thousand brackets
        return Response({"detail": "The body is nested too deeply to be read; flatten it."}, status=400)
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        return Response({"detail": f"The body is larger than {limit:,} bytes; send it in parts."}, status=413)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, ValidationError):
        response.data = {"detail": first_sentence(error.detail)}
    return response


def first_sentence(detail: Any, where: str = "") -> str:
    """The first of the nested complaints, with the path of its field before it."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()))
        here = "" if name == "non_field_errors" else str(name)
        return first_sentence(inner, f"{where}.{here}".strip("."))
    if isinstance(detail, list):
        found = next((item for item in detail if item), "not as expected")
        return first_sentence(found, where)
    return f"{where}: {detail}" if where else str(detail)

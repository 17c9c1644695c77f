from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from annotation.actions import leases, members, seats
from annotation.api.serializers import (
    AcknowledgementSerializer,
    ErrorSerializer,
    GuidelineSerializer,
    LeasedTaskSerializer,
    ProjectSerializer,
    ReleaseSerializer,
)
from annotation.models import Annotator, Project, Release

ERRORS = {400: ErrorSerializer, 403: ErrorSerializer, 404: ErrorSerializer, 409: ErrorSerializer}
PARSERS: Sequence[type[BaseParser]] = [JSONParser]


class Projects(generics.ListAPIView[Project]):
    """The projects that the signed-in person is a member of."""

    serializer_class = ProjectSerializer
    queryset = Project.objects.none()

    def get_queryset(self) -> QuerySet[Project]:
        person = person_of(self.request)
        every = Project.objects.order_by("name", "pk")
        return every if person.is_superuser else every.filter(memberships__user=person)


class Releases(generics.ListAPIView[Release]):
    """The releases of a project, newest first; for reviewers, engineers and admins."""

    serializer_class = ReleaseSerializer
    queryset = Release.objects.none()

    def get_queryset(self) -> QuerySet[Release]:
        project = members.project_for(person_of(self.request), self.kwargs["slug"], roles=members.REVIEWERS)
        return Release.objects.filter(project=project)


class NextTask(APIView):
    parser_classes = PARSERS

    @extend_schema(
        request=None, responses={200: LeasedTaskSerializer, 204: None, 403: ErrorSerializer, 404: ErrorSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Lease the next task of the queue; the same one again until it is judged or skipped. 204: nothing waits.
        403: first confirm the new guidelines (see `guidelines`), the qualification did not go well enough, or your
        work in the project is paused."""
        project = members.project_for(person_of(request), slug)
        annotator = annotator_of(request)
        slot = leases.claim(project, by=annotator)
        if slot is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(LeasedTaskSerializer(slot, context={"draft": leases.draft_of(slot, by=annotator)}).data)


class Guidelines(APIView):
    parser_classes = PARSERS

    @extend_schema(request=None, responses={200: GuidelineSerializer, 204: None, **ERRORS})
    def get(self, request: Request, slug: str) -> Response:
        """The project's newest guidelines, in Markdown. 204: it has none."""
        guideline = members.project_for(person_of(request), slug).guideline
        if guideline is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(GuidelineSerializer(guideline).data)

    @extend_schema(request=AcknowledgementSerializer, responses={204: None, **ERRORS})
    def post(self, request: Request, slug: str) -> Response:
        """Confirm that you have read them: new ones stand before the next task (403) until you do."""
        project = members.project_for(person_of(request), slug)
        seats.acknowledge(project, by=annotator_of(request), **valid(AcknowledgementSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def person_of(request: Any) -> User:
    """The signed-in user: the permission class has turned everybody else away."""
    user: User = request.user
    return user


def annotator_of(request: Request) -> Annotator:
    return members.annotator_of(person_of(request))


def valid(kind: type[Serializer[dict[str, Any]]], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

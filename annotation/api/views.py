from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import judgements, leases, members
from annotation.api.serializers import (
    DraftSerializer,
    ErrorSerializer,
    JudgementSerializer,
    LeasedTaskSerializer,
    ProjectSerializer,
    ReleaseSerializer,
    SkipSerializer,
    SubmissionSerializer,
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
        """Lease the next task of the queue; the same one again until it is judged or skipped. 204: nothing waits."""
        project = members.project_for(person_of(request), slug)
        annotator = annotator_of(request)
        slot = leases.claim(project, by=annotator)
        if slot is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(LeasedTaskSerializer(slot, context={"draft": leases.draft_of(slot, by=annotator)}).data)


class SlotJudgement(APIView):
    parser_classes = PARSERS

    @extend_schema(request=SubmissionSerializer, responses={201: JudgementSerializer, **ERRORS})
    def post(self, request: Request, token: UUID) -> Response:
        """Judge a leased task. Sent again with the same key, it answers with the judgement made before. 409: the slot
        is no longer yours; what you sent is kept as your draft."""
        annotator = annotator_of(request)
        slot = leases.held_by(annotator, token=token)
        judgement = judgements.submit(slot.pk, by=annotator, **valid(SubmissionSerializer, request))
        return Response(JudgementSerializer(judgement).data, status=status.HTTP_201_CREATED)


class SlotSkip(APIView):
    parser_classes = PARSERS

    @extend_schema(request=SkipSerializer, responses={204: None, **ERRORS})
    def post(self, request: Request, token: UUID) -> Response:
        """Give a leased task back; it is not offered to you again."""
        annotator = annotator_of(request)
        slot = leases.held_by(annotator, token=token)
        leases.skip(slot, by=annotator, **valid(SkipSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SlotDraft(APIView):
    parser_classes = PARSERS

    @extend_schema(request=DraftSerializer, responses={200: DraftSerializer, **ERRORS})
    def put(self, request: Request, token: UUID) -> Response:
        """Keep unfinished work; it outlives the lease."""
        annotator = annotator_of(request)
        slot = leases.held_by(annotator, token=token)
        draft = leases.save_draft(slot, by=annotator, **valid(DraftSerializer, request))
        return Response(DraftSerializer({"content": draft.content}).data)


def person_of(request: Any) -> User:
    """The signed-in user: the permission class has turned everybody else away."""
    user: User = request.user
    return user


def annotator_of(request: Request) -> Annotator:
    return members.annotator_of(person_of(request))


def valid(
    kind: type[SubmissionSerializer] | type[SkipSerializer] | type[DraftSerializer], request: Request
) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

"""What an annotator does with a task in hand. A slot goes by its token: ids would tell how old a task is."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import judgements, leases
from annotation.api.serializers import (
    DraftSerializer,
    JudgementSerializer,
    RevisionSerializer,
    SkipSerializer,
    SubmissionSerializer,
)
from annotation.api.views import ERRORS, PARSERS, annotator_of, valid


class SlotJudgement(APIView):
    parser_classes = PARSERS

    @extend_schema(request=SubmissionSerializer, responses={201: JudgementSerializer, **ERRORS})
    def post(self, request: Request, token: UUID) -> Response:
        """Judge a leased task. The same sent again with the same key, it answers with the judgement made before. 409:
        the slot is no longer yours, or you judged it differently; what you sent is kept as your draft."""
        annotator = annotator_of(request)
        slot = leases.held_by(annotator, token=token)
        judgement = judgements.submit(slot.pk, by=annotator, **valid(SubmissionSerializer, request))
        return Response(JudgementSerializer(judgement).data, status=status.HTTP_201_CREATED)


class SlotRevision(APIView):
    parser_classes = PARSERS

    @extend_schema(request=RevisionSerializer, responses={201: JudgementSerializer, **ERRORS})
    def post(self, request: Request, token: UUID) -> Response:
        """Say something else than before about a task that you judged; the old judgement is kept as a revision. 409:
        it can no longer be revised, or you revised it meanwhile; what you sent is kept as your draft."""
        annotator = annotator_of(request)
        slot = leases.held_by(annotator, token=token)
        judgement = judgements.revise(slot.pk, by=annotator, **valid(RevisionSerializer, request))
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

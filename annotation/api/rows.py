"""Interchange rows over HTTP."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiRequest, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.actions import imports, members
from annotation.api.parsers import JSONLinesParser
from annotation.api.views import ERRORS, person_of
from annotation.exceptions import InvalidRow
from annotation.formats import rows as interchange
from annotation.formats.detection import Reading
from annotation.formats.record import Record

REJECTS_TOLD = 100


class RejectSerializer(serializers.Serializer[dict[str, Any]]):
    line = serializers.IntegerField()
    reason = serializers.CharField()


class ImportReportSerializer(serializers.Serializer[dict[str, Any]]):
    rows = serializers.IntegerField()
    rejected = serializers.IntegerField()
    added = serializers.DictField(child=serializers.IntegerField(), help_text="Of each kind, how many are new.")
    known = serializers.DictField(child=serializers.IntegerField(), help_text="How many were there already.")
    rejects = RejectSerializer(many=True, help_text=f"The first {REJECTS_TOLD} bad rows.")


class Rows(APIView):
    parser_classes = [JSONParser, JSONLinesParser]

    @extend_schema(
        request={
            "application/json": OpenApiRequest(request={"type": "array", "items": {"type": "object"}}),
            "application/x-ndjson": OpenApiTypes.STR,
        },
        responses={200: ImportReportSerializer, **ERRORS},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Bring interchange rows in, as a JSON list (all in one go) or one a line (kept in batches as they come). The
        same rows again add nothing; bad ones are told of and left out. For engineers and admins."""
        person = person_of(request)
        project = members.project_for(person, slug, roles=members.ENGINEERS)
        streamed, found = readings(request.data)
        rejects: list[dict[str, Any]] = []

        def tell(record: Record, reason: str) -> None:
            if len(rejects) < REJECTS_TOLD:
                rejects.append({"line": record.number, "reason": reason})

        report = imports.import_rows(
            found, project=project, by=person, on_reject=tell, in_batches=streamed, source="the API"
        )
        told = {"rows": report.rows, "rejected": report.rejected, "added": report.added, "known": report.known}
        return Response(ImportReportSerializer({**told, "rejects": rejects}).data)


def readings(body: Any) -> tuple[bool, Iterator[Reading]]:
    """Whether the rows come line by line, and the rows."""
    if isinstance(body, list):
        return False, (reading(value, number) for number, value in enumerate(body, 1))
    lines = body.get("lines") if isinstance(body, dict) else None
    if not isinstance(lines, Iterator):
        raise ParseError("Send a JSON list of rows, or one row a line as application/x-ndjson.")
    return True, readings_of_lines(lines)


def readings_of_lines(lines: Iterable[bytes]) -> Iterator[Reading]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Reading(record=Record(number=number, value=None), reason=f"no JSON: {error}")
        else:
            yield reading(value, number)


def reading(value: Any, number: int) -> Reading:
    record = Record(number=number, value=value)
    try:
        return Reading(record=record, row=interchange.parse(value))
    except InvalidRow as error:
        return Reading(record=record, reason=str(error))

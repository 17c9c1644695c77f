from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from annotation.api.errors import TooLarge


class JSONLinesParser(BaseParser):
    """One JSON object a line, read lazily: {"lines": iterator of bytes}, never the whole body at once."""

    media_type = "application/x-ndjson"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Iterator[bytes]]:
        return {"lines": bounded_lines(stream)}


def bounded_lines(stream: IO[bytes]) -> Iterator[bytes]:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise TooLarge(f"Line {number} is longer than {limit:,} bytes; the lines before it may have been kept.")
        yield line

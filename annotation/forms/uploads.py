"""How large a file a person may send, said before the disk is full of it."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from annotation.actions.uploads import MAX_MEGABYTES

MAX_BYTES = MAX_MEGABYTES * 1024 * 1024
FORM_BYTES = 1024 * 1024  # what stands beside the file in the same request


def is_too_large(content_length: int) -> bool:
    return content_length > MAX_BYTES + FORM_BYTES


class Bounded(FileUploadHandler):
    """Reads past the files of a request that is too large; the form then finds none and says why."""

    too_large = False

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  # Django passes it by this name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        self.too_large = is_too_large(content_length)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.too_large:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Nothing was kept by this one: the next handler has the file."""

"""What statistics found, in sentences. A code that is not known here is shown as it is."""

from collections.abc import Iterable

from django_stubs_ext import StrPromise

REASONS: dict[str, StrPromise] = {}


def reasons_in_words(codes: Iterable[str]) -> list[str]:
    return [str(REASONS.get(code, code)) for code in codes]

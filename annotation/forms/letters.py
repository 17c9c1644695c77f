"""Answers go by letter in the order shown; the order travels through the page as opaque tokens."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotation.models import Annotator, Slot
from annotation.models.projects import MAX_RESPONSES

LETTERS = "ABCDEFGHI"[:MAX_RESPONSES]


def in_words(items: Sequence[str]) -> str:
    """["A", "B", "C"] -> "A, B and C"."""
    if len(items) < 2:
        return "".join(items)
    return _("%(first)s and %(last)s") % {"first": ", ".join(items[:-1]), "last": items[-1]}


def tiers(groups: Iterable[Iterable[int]], letter_of: Mapping[int, str]) -> list[list[str]]:
    """[[2], [1, 0]] -> [["C"], ["A", "B"]]: best first."""
    return [sorted(letter_of.get(position, "?") for position in group) for group in groups]


def order_tokens(order: Sequence[int], *, slot: Slot, by: Annotator, submission_key: str) -> str:
    """The order shown, opaque: it goes through the page and stays readable here even when the slot has since been
    given to someone else in another order."""
    return ",".join(token_of(position, slot=slot, by=by, submission_key=submission_key) for position in order)


def order_of(tokens: str, *, size: int, slot: Slot, by: Annotator, submission_key: str) -> list[int] | None:
    """Back from tokens to positions; None unless each of the `size` positions stands there once."""
    position_of = {
        token_of(position, slot=slot, by=by, submission_key=submission_key): position for position in range(size)
    }
    order = [position_of.get(token, -1) for token in tokens.split(",")] if tokens else []
    return order if sorted(order) == list(range(size)) else None


def token_of(position: int, *, slot: Slot, by: Annotator, submission_key: str) -> str:
    value = f"{slot.pk}:{by.pk}:{submission_key}:{position}"
    return salted_hmac("annotation.desk.order", value).hexdigest()[:16]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def mapped(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def known(positions: Any, letter_of: Mapping[int, str]) -> list[int]:
    return [p for p in listed(positions) if type(p) is int and p in letter_of]

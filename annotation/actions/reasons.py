"""Why something was done to a person's work: always asked, never long."""

from django.utils.translation import gettext

from annotation.exceptions import InvalidReason, InvalidRow
from annotation.formats import values


def reason_of(text: str, *, longest: int) -> str:
    """
    Raises:
        InvalidReason: none, one that is too long, or one that cannot be stored.
    """
    try:
        reason = values.text_of(text, "reason").strip()
    except InvalidRow as error:
        raise InvalidReason(str(error)) from None
    if not reason:
        raise InvalidReason(gettext("Say why: the reason is kept."))
    if len(reason) > longest:
        sentence = gettext("The reason has %(n)s characters; at most %(most)s are kept: shorten it.")
        raise InvalidReason(sentence % {"n": len(reason), "most": longest})
    return reason

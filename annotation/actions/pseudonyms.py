import hashlib
import hmac
import re

from django.conf import settings

PSEUDONYM = re.compile(r"anon-[0-9a-f]{16}")


def pseudonym(annotator_id: str) -> str:
    """The same name for the same id wherever PSEUDONYM_KEY is the same; what is a pseudonym already stays."""
    if PSEUDONYM.fullmatch(annotator_id):
        return annotator_id
    digest = hmac.new(settings.PSEUDONYM_KEY.encode(), annotator_id.encode(), hashlib.sha256).hexdigest()
    return f"anon-{digest[:16]}"

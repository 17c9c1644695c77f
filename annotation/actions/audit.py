from typing import Any

from django.contrib.auth.models import User

from annotation.models import AuditEvent


def record(verb: str, subject: str, *, by: User | None, **detail: Any) -> AuditEvent:
    """Write one audit row; call it inside the transaction that it tells of."""
    return AuditEvent.objects.create(verb=verb, subject=subject, by=by, detail=detail)

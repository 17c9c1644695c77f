"""Who measures a project now. Two never do it at once; what a killed process held is free again after a while, and at
once for others on its machine."""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from annotation.exceptions import MeasuredElsewhere
from annotation.models import Measurement

LASTS = timedelta(minutes=30)  # far longer than any one step takes, after each of which it is renewed
HERE: set[str] = set()  # the claims that this process holds


@dataclass(frozen=True, kw_only=True)
class Claim:
    measurement: int
    token: str

    def renew(self) -> None:
        """
        Raises:
            MeasuredElsewhere: it ran out, and somebody else has it.
        """
        if not self.held().update(claimed_until=timezone.now() + LASTS):
            raise MeasuredElsewhere("These figures were taken over by another process, which was here sooner.")

    def held(self) -> QuerySet[Measurement]:
        return Measurement.objects.filter(pk=self.measurement, claim=self.token)


@contextmanager
def claimed(measurement: Measurement) -> Iterator[Claim]:
    """
    Raises:
        MeasuredElsewhere: somebody else is at it.
    """
    claim = Claim(measurement=measurement.pk, token=f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}")
    now = timezone.now()
    free = Q(claim="") | Q(claimed_until__lte=now)
    if is_orphaned(measurement.claim):
        free |= Q(claim=measurement.claim)
    row = Measurement.objects.filter(free, pk=measurement.pk)
    if not row.update(claim=claim.token, claimed_until=now + LASTS):
        raise MeasuredElsewhere(
            f"The figures of project {measurement.project.slug} are being measured by another process; "
            "try again in a minute."
        )
    HERE.add(claim.token)
    try:
        yield claim
    finally:
        HERE.discard(claim.token)
        claim.held().update(claim="", claimed_until=None)


def is_orphaned(claim: str) -> bool:
    """Whether its process ran on this machine and runs no more. In a container each process is the first one, so what
    bears this one's number and was not claimed here is of one before it."""
    host, _, rest = claim.partition(" ")
    process = rest.partition(" ")[0]
    if host != socket.gethostname() or not process.isdigit():
        return False
    return claim not in HERE if int(process) == os.getpid() else not is_running(int(process))


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

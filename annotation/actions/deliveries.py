"""Telling what `alerts` found: mail to the project's admins, and a signed post to its webhook.

Only the process that measures loads this. Each attempt is written down before it is made, so that two processes tell
nothing twice; one that dies on the way is made up for later, and then somebody may hear it twice.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPException

import httpx
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q
from django.utils import timezone

from annotation.actions import alert_words, alerts, webhooks
from annotation.exceptions import UnusableWebhook
from annotation.models import Alert

KEPT = timedelta(days=3)  # what could not be told until then is told by the pages alone
FIRST_PAUSE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=6)
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
SIGNATURE = "Flywheel-Signature"
LONGEST_ERROR = 300


class Untold(Exception):
    """An attempt that failed; its message is kept with the alert."""


def deliver(*, now: datetime | None = None) -> int:
    """Tell what is due; call it now and then. How many alerts were told as far as they can be."""
    at = now or timezone.now()
    open_still = Q(mailed_at__isnull=True) | Q(posted_at__isnull=True)
    waiting = Alert.objects.filter(open_still, created_at__gte=at - KEPT).select_related("project").order_by("pk")
    return sum(_attempted(alert, ways=ways, now=at) for alert in waiting if (ways := _ways(alert, now=at)))


def _ways(alert: Alert, *, now: datetime) -> dict[str, Callable[[Alert], None]]:
    """By the field that says when it was done: what is still to be done, and can be."""
    if alert.tried_at and now < alert.tried_at + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(alert.attempts - 1, 10)):
        return {}
    ways: dict[str, Callable[[Alert], None]] = {}
    if not alert.mailed_at and alerts.mail_is_set_up() and alerts.addresses_of(alert.project):
        ways["mailed_at"] = mail
    if not alert.posted_at and alert.project.alert_webhook:
        ways["posted_at"] = post
    return ways


def _attempted(alert: Alert, *, ways: dict[str, Callable[[Alert], None]], now: datetime) -> bool:
    mine = Alert.objects.filter(pk=alert.pk, attempts=alert.attempts)
    if not mine.update(attempts=alert.attempts + 1, tried_at=now):
        return False
    errors = []
    for field, tell in ways.items():
        try:
            tell(alert)
        except Untold as error:
            errors.append(str(error)[:LONGEST_ERROR])
        else:
            Alert.objects.filter(pk=alert.pk).update(**{field: timezone.now()})
    Alert.objects.filter(pk=alert.pk).update(error="; ".join(errors))
    return not errors


def mail(alert: Alert) -> None:
    """One message for each admin, so that nobody reads the others' addresses.

    Raises:
        Untold: the mail server did not take it.
    """
    subject, body = alert_words.subject_of(alert), alert_words.body_of(alert)
    messages = [EmailMessage(subject, body, to=[address]) for address in alerts.addresses_of(alert.project)]
    try:
        get_connection().send_messages(messages)
    except (OSError, SMTPException) as error:
        raise Untold(f"mail: {type(error).__name__}") from error


def post(alert: Alert) -> None:
    """No redirect is followed, no proxy or password of the environment used, and nothing of the answer kept but its
    status.

    Raises:
        Untold: the address is not allowed any more, or what answers there does not take it.
    """
    try:
        target = webhooks.target_of(alert.project.alert_webhook)
    except UnusableWebhook as error:
        raise Untold(f"webhook: {error}") from error
    body = json.dumps(alert_words.posted(alert), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", SIGNATURE: signature(body, at=int(time.time()))}
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", target.url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Untold(f"webhook: {target.host} does not answer ({type(error).__name__})") from error
    if not 200 <= status < 300:
        raise Untold(f"webhook: {target.host} answered HTTP {status}")


def signature(body: bytes, *, at: int) -> str:
    """`t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" under WEBHOOK_SECRET>`; with the time, whoever receives it
    can tell an old post that is sent again."""
    digest = hmac.new(settings.WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"

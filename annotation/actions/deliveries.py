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
from django.core.mail import EmailMessage
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

Tell = Callable[[Alert], str]  # why it did not reach everybody; empty: it did


class Untold(Exception):
    """An attempt that failed; its message is kept with the alert."""


def deliver(*, now: datetime | None = None) -> int:
    """Tell what is due; call it now and then. How many alerts were told as far as they can be."""
    at = now or timezone.now()
    open_still = Q(mailed_at__isnull=True) | Q(posted_at__isnull=True)
    waiting = Alert.objects.filter(open_still, created_at__gte=at - KEPT).select_related("project").order_by("pk")
    return sum(_attempted(alert, ways=ways, now=at) for alert in waiting if (ways := _ways(alert, now=at)))


def _ways(alert: Alert, *, now: datetime) -> dict[str, Tell]:
    """By the field that says when it was done: what is still to be done, and can be."""
    if alert.tried_at and now < alert.tried_at + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(alert.attempts - 1, 10)):
        return {}
    ways: dict[str, Tell] = {}
    if not alert.mailed_at and alerts.mail_is_set_up() and alerts.addresses_of(alert.project):
        ways["mailed_at"] = mail
    if not alert.posted_at and alert.project.alert_webhook:
        ways["posted_at"] = post
    return ways


def _attempted(alert: Alert, *, ways: dict[str, Tell], now: datetime) -> bool:
    mine = Alert.objects.filter(pk=alert.pk, attempts=alert.attempts)
    if not mine.update(attempts=alert.attempts + 1, tried_at=now):
        return False
    told, errors = 0, []
    for field, tell in ways.items():
        try:
            errors.append(tell(alert))
        except Untold as error:
            errors.append(str(error))
        else:
            told += Alert.objects.filter(pk=alert.pk).update(**{field: timezone.now()})
    said = [error[:LONGEST_ERROR] for error in errors if error]
    Alert.objects.filter(pk=alert.pk).update(error="; ".join(said))
    return told == len(ways)


def mail(alert: Alert) -> str:
    """One message for each admin, so that nobody reads the others' addresses, and one address that is refused takes
    it from nobody else. Once somebody has it, it is not sent again. Why it did not reach the others.

    Raises:
        Untold: the mail server took none.
    """
    subject, body = alert_words.subject_of(alert), alert_words.body_of(alert)
    addresses = alerts.addresses_of(alert.project)
    errors = [error for address in addresses if (error := _refusal(EmailMessage(subject, body, to=[address])))]
    said = f"mail: {', '.join(sorted(set(errors)))}"
    if len(errors) == len(addresses):
        raise Untold(said)
    return said if errors else ""


def _refusal(message: EmailMessage) -> str:
    """The kind of error alone: what a mail server says may name the address."""
    try:
        message.send()
    except (OSError, SMTPException, ValueError) as error:
        return type(error).__name__
    return ""


def post(alert: Alert) -> str:
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
    return ""


def signature(body: bytes, *, at: int) -> str:
    """`t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" under WEBHOOK_SECRET>`; with the time, whoever receives it
    can tell an old post that is sent again."""
    digest = hmac.new(settings.WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"

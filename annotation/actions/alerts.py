"""What the admins of a project should know about its labels: that a figure has fallen, and once a week how it went.

Nothing is sent here: `deliveries` does that, in the process that measures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from annotation.actions import alert_words
from annotation.models import Alert, AnnotatorMeasure, Measurement, Membership, Project
from annotation.stats.people.suggestions import ATTENTION

Kind = Alert.Kind
LIMITS = {Kind.AGREEMENT: "alert_agreement", Kind.KNOWN: "alert_known"}
WEEK = timedelta(days=7)
LISTED = 5
SENDS_NOTHING = "django.core.mail.backends.dummy.EmailBackend"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """`sentence`: what it says. `is_told`: it reached somebody outside of these pages."""

    alert: Alert
    sentence: str

    @property
    def is_told(self) -> bool:
        return bool(self.alert.mailed_at or self.alert.posted_at)


def listed(project: Project) -> list[Listed]:
    """The newest, in one query."""
    return [Listed(alert=one, sentence=alert_words.sentence_of(one)) for one in _of(project)[:LISTED]]


def look(project: Project, *, now: datetime | None = None) -> list[Alert]:
    """What the newest figures about people say that was not said before. Of a fall one alert is made, however often
    it is measured, until the figure stands at its limit again."""
    if not _is_watched(project):
        return []
    measurement = project.measurements.filter(voices=Measurement.Voices.PEOPLE).first()
    if measurement is None or measurement.measured_at is None:
        return []
    at = now or timezone.now()
    with transaction.atomic():
        # Two who look at once queue up here.
        locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        made = [_fall(locked, kind=kind, content=measurement.content, now=at) for kind in LIMITS]
        made.append(_summary(locked, measurement=measurement, now=at))
    return [alert for alert in made if alert is not None]


def mail_is_set_up() -> bool:
    return bool(settings.EMAIL_BACKEND != SENDS_NOTHING)


def addresses_of(project: Project) -> list[str]:
    """Of its admins who have one."""
    admins = Membership.objects.filter(project=project, role=Membership.Role.ADMIN, user__is_active=True)
    return list(
        admins.exclude(user__email="").order_by("user__email").values_list("user__email", flat=True).distinct()
    )


def _of(project: Project) -> Any:
    return Alert.objects.filter(project=project).select_related("project").order_by("-created_at", "-pk")


def _is_watched(project: Project) -> bool:
    """Also for as long as an alert stands whose limit was taken away: it is over then."""
    asked = any(getattr(project, limit) is not None for limit in LIMITS.values()) or project.weekly_summary
    return asked or project.alerts.filter(kind__in=LIMITS, over_at__isnull=True).exists()


def _fall(project: Project, *, kind: Kind, content: Mapping[str, Any], now: datetime) -> Alert | None:
    figure, limit = figure_of(content, kind=kind), getattr(project, LIMITS[kind])
    standing = project.alerts.filter(kind=kind, over_at__isnull=True).first()
    if limit is None or (figure is not None and figure["value"] >= limit):
        if standing:
            Alert.objects.filter(pk=standing.pk).update(over_at=now)
        return None
    if standing or figure is None or figure["high"] is None or figure["high"] >= limit:
        return None
    return Alert.objects.create(project=project, kind=kind, detail={"figure": figure, "limit": limit})


def figure_of(content: Mapping[str, Any], *, kind: str) -> dict[str, Any] | None:
    """Of agreement the newest stretch of time that has enough, for what was good last year hides what is bad now."""
    agreement = content.get("agreement") or {}
    stretches = sorted(agreement.get("over_time") or [], key=lambda one: str(one["from"]), reverse=True)
    candidates = [content.get("known")] if kind == Kind.KNOWN else [*stretches, agreement.get("pairs")]
    return next((dict(one) for one in candidates if one and one.get("value") is not None), None)


def _summary(project: Project, *, measurement: Measurement, now: datetime) -> Alert | None:
    """The first one as soon as anything was judged, so that whoever asks for it sees what it will be."""
    if not measurement.judgements:
        return None
    if not project.weekly_summary or project.state != Project.State.ACTIVE:
        return None
    last = project.alerts.filter(kind=Kind.WEEKLY).first()
    if last and last.created_at > now - WEEK:
        return None
    before = (last.detail.get("agreement") or {}) if last else {}
    detail = _week(measurement, since=now - WEEK, until=now) | {"agreement_before": before.get("value")}
    return Alert.objects.create(project=project, kind=Kind.WEEKLY, detail=detail)


def _week(measurement: Measurement, *, since: datetime, until: datetime) -> dict[str, Any]:
    content: dict[str, Any] = measurement.content
    progress = content.get("progress") or {}
    first = (since.date() + timedelta(days=1)).isoformat()  # seven days with today's
    days = [day for day in progress.get("per_day") or [] if first <= day["day"] <= until.date().isoformat()]
    suggestions = AnnotatorMeasure.objects.filter(measurement=measurement, suggestion__in=ATTENTION)
    return {
        "from": first,
        "to": until.date().isoformat(),
        "judgements": sum(day["n"] for day in days),
        "in_all": progress.get("judgements", 0),
        "left": progress.get("left"),
        "ends": (progress.get("forecast") or {}).get("ends"),
        "agreement": figure_of(content, kind=Kind.AGREEMENT),
        "known": content.get("known"),
        "verdict": (content.get("verdict") or {}).get("code", "unknown"),
        "attention": suggestions.aggregate(n=Count("pk"))["n"],
    }

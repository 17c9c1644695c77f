"""What the admins should know: once for each fall, and once a week."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.template.loader import render_to_string
from django.utils import timezone

from annotation.actions import alert_words, alerts
from annotation.models import Alert, AnnotatorMeasure, Measurement, Project
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo", alert_agreement=0.7, alert_known=0.8)


def figure(value: float | None, *, spread: float = 0.03) -> dict[str, object]:
    if value is None:
        return {"value": None, "low": None, "high": None, "n": 3, "missing": "not enough"}
    return {"value": value, "low": value - spread, "high": value + spread, "n": 1204, "what": "pairs", "missing": ""}


def measured(project: Project, *, voices: str = "people", **content: object) -> Measurement:
    defaults = {"content": content, "measured_at": timezone.now(), "judgements": 100}
    return Measurement.objects.update_or_create(project=project, voices=voices, defaults=defaults)[0]


def agreement(value: float | None, **more: object) -> dict[str, object]:
    return {"agreement": {"pairs": figure(value), **more}}


class TestFalls:
    def test_are_told_once_however_often_they_are_measured(self, project):
        for value in (0.6, 0.6, 0.55):
            measured(project, **agreement(value))
            alerts.look(project)
        made = Alert.objects.get()
        assert (made.kind, made.detail["limit"], made.detail["figure"]["value"]) == ("agreement", 0.7, 0.6)

    def test_are_told_again_after_it_was_good_in_between(self, project):
        for value in (0.6, 0.7, 0.6):
            measured(project, **agreement(value))
            alerts.look(project)
        first, second = Alert.objects.order_by("pk")
        assert (first.over_at is None, second.over_at) == (False, None)

    def test_are_none_while_chance_alone_could_explain_them(self, project):
        measured(project, **agreement(0.69))
        assert alerts.look(project) == []

    def test_are_not_over_before_the_figure_stands_at_the_limit(self, project):
        for value in (0.6, 0.69, 0.6):
            measured(project, **agreement(value))
            alerts.look(project)
        assert Alert.objects.count() == 1

    def test_of_known_answers_are_told_apart(self, project):
        measured(project, known=figure(0.5), **agreement(0.9))
        assert [made.kind for made in alerts.look(project)] == ["known"]

    def test_look_at_the_newest_time_that_has_enough(self, project):
        over_time = [
            {"from": "2026-01-01", "to": "2026-02-01", **figure(0.9)},
            {"from": "2026-02-01", "to": "2026-03-01", **figure(0.5)},
            {"from": "2026-03-01", "to": "2026-04-01", **figure(None)},
        ]
        measured(project, **agreement(0.85, over_time=over_time))
        assert alerts.look(project)[0].detail["figure"]["from"] == "2026-02-01"

    @pytest.mark.parametrize("content", [{}, agreement(None)])
    def test_are_none_where_there_is_not_enough(self, project, content):
        measured(project, **content)
        assert alerts.look(project) == []

    def test_are_none_where_nobody_asked_and_nothing_is_measured(self, project):
        assert alerts.look(project) == []
        Project.objects.update(alert_agreement=None, alert_known=None)
        project.refresh_from_db()
        measured(project, known=figure(0.1), **agreement(0.1))
        assert alerts.look(project) == []

    def test_of_simulated_annotators_are_none(self, project):
        measured(project, voices="simulated", **agreement(0.1))
        assert alerts.look(project) == []

    def test_are_over_when_the_limit_is_taken_away(self, project):
        measured(project, **agreement(0.6))
        alerts.look(project)
        Project.objects.update(alert_agreement=None, alert_known=None)
        project.refresh_from_db()
        alerts.look(project)
        assert Alert.objects.get().over_at


@pytest.mark.django_db(transaction=True)
def test_two_who_look_at_once_make_one_alert(project):
    measured(project, **agreement(0.6))

    def look(_: int) -> int:
        try:
            return len(alerts.look(project))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 1


class TestWeekly:
    @pytest.fixture
    def weekly(self, project) -> Project:
        Project.objects.update(weekly_summary=True, alert_agreement=None, alert_known=None)
        project.refresh_from_db()
        return project

    def test_comes_once_a_week(self, weekly):
        measured(weekly, **agreement(0.9))
        now = timezone.now()
        made = [len(alerts.look(weekly, now=now + timedelta(days=days))) for days in (0, 1, 6)]
        Alert.objects.update(created_at=now - timedelta(days=7))
        assert (made, len(alerts.look(weekly, now=now))) == ([1, 0, 0], 1)

    def test_does_not_come_before_anything_was_judged(self, weekly):
        measured(weekly, **agreement(None))
        Measurement.objects.update(judgements=0)
        assert alerts.look(weekly) == []

    def test_counts_the_last_seven_days(self, weekly):
        today = timezone.now().date()
        days = [{"day": (today - timedelta(days=ago)).isoformat(), "n": 10} for ago in range(9, -1, -1)]
        measurement = measured(weekly, progress={"per_day": days, "judgements": 100, "left": 5}, **agreement(0.9))
        for code in ("fine", "talk", "pause"):
            AnnotatorMeasure.objects.create(
                measurement=measurement, annotator=AnnotatorFactory(), judgements=1, suggestion=code
            )
        detail = alerts.look(weekly)[0].detail
        assert (detail["judgements"], detail["in_all"], detail["attention"]) == (70, 100, 2)

    def test_says_what_it_was_in_the_last_summary(self, weekly):
        now = timezone.now()
        measured(weekly, **agreement(0.9))
        alerts.look(weekly, now=now)
        Alert.objects.update(created_at=now - timedelta(days=7))
        measured(weekly, **agreement(0.85))
        words = alert_words.sentence_of(alerts.look(weekly, now=now)[0])
        assert "Agreement: 85 % (82 % to 88 %) of 1,204 pairs were ordered alike. In the last summary: 90 %." in words

    @pytest.mark.parametrize("state", ["paused", "ended"])
    def test_is_for_running_projects(self, weekly, state):
        Project.objects.update(state=state)
        weekly.refresh_from_db()
        measured(weekly, **agreement(0.9))
        assert alerts.look(weekly) == []


class TestListed:
    def test_says_what_holds_still_and_that_nobody_was_told(self, project, django_assert_num_queries):
        measured(project, known=figure(0.5), **agreement(0.6))
        alerts.look(project)
        with django_assert_num_queries(1):
            html = render_to_string("annotation/quality/acting/_alerts.html", {"alerts": alerts.listed(project)})
        assert "Agreement: 60 % (57 % to 63 %) of 1,204 pairs were ordered alike; the limit is 70 %." in html
        assert "Known answers: 50 % (47 % to 53 %) of 1,204 pairs were right; the limit is 80 %." in html
        assert (html.count("still holds"), html.count("It stands on this page alone.")) == (2, 2)

    def test_shows_nothing_where_there_is_nothing(self, project):
        html = render_to_string("annotation/quality/acting/_alerts.html", {"alerts": alerts.listed(project)})
        assert not html.strip()


def test_addresses_are_those_of_active_admins(project):
    for role, email, active in [
        ("admin", "a@example.org", True),
        ("admin", "", True),
        ("admin", "gone@example.org", False),
        ("reviewer", "r@example.org", True),
    ]:
        MembershipFactory(project=project, role=role, user=UserFactory(email=email, is_active=active))
    MembershipFactory(role="admin", user=UserFactory(email="elsewhere@example.org"))
    assert alerts.addresses_of(project) == ["a@example.org"]


def test_a_figure_is_counted_in_what_it_counts():
    assert alert_words.in_words(figure(0.6)) == "60 % (57 % to 63 %) of 1,204 pairs"
    assert alert_words.in_words(figure(0.6) | {"what": "judgements"}) == "60 % (57 % to 63 %) in 1,204 judgements"

"""Alerts reach people by mail and by a signed post, and nobody whom the operator did not name."""

import hashlib
import hmac
import json
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.utils import timezone

from annotation.actions import deliveries, webhooks
from annotation.exceptions import UnusableWebhook
from annotation.models import Alert, Project
from tests.annotation.receiver import receiving
from tests.factories import MembershipFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db
DUMMY = "django.core.mail.backends.dummy.EmailBackend"
DETAIL = {"figure": {"value": 0.6, "low": 0.57, "high": 0.63, "n": 1204}, "limit": 0.7}


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="lumo", name="Lumo\nsupport")


@pytest.fixture
def alert(project) -> Alert:
    return Alert.objects.create(project=project, kind="agreement", detail=DETAIL)


def admin_of(project: Project, email: str) -> None:
    MembershipFactory(project=project, role="admin", user=UserFactory(email=email))


@pytest.fixture
def receiver(settings, project):  # type: ignore[no-untyped-def]
    """Something listens there, and it may be posted to."""
    with receiving() as there:
        settings.DEBUG, settings.WEBHOOK_HOSTS, settings.WEBHOOK_SECRET = True, [there.host], "shared"
        Project.objects.update(alert_webhook=there.url)
        yield there


def later(alert: Alert, **time: int) -> Alert:
    deliveries.deliver(now=timezone.now() + timedelta(**time))
    alert.refresh_from_db()
    return alert


class Choosy(locmem.EmailBackend):
    """Refuses one address, and all messages that come after it on the same connection."""

    def send_messages(self, messages):  # type: ignore[no-untyped-def]
        for message in messages:
            if message.to == ["nobody@example.org"]:
                raise SMTPRecipientsRefused({"nobody@example.org": (550, b"no such nobody@example.org")})
            super().send_messages([message])
        return len(messages)


class TestMail:
    def test_goes_to_each_admin_alone(self, project, alert, settings):
        settings.SITE_URL = "https://rank.example.org"
        admin_of(project, "a@example.org")
        admin_of(project, "b@example.org")
        assert deliveries.deliver() == 1
        assert [message.to for message in mail.outbox] == [["a@example.org"], ["b@example.org"]]
        assert mail.outbox[0].subject == "Lumo support: people agree less"
        assert "60 % (57 % to 63 %) of 1,204 pairs were ordered alike; the limit is 70 %." in mail.outbox[0].body
        assert "More: https://rank.example.org/projects/lumo/quality/" in mail.outbox[0].body

    def test_is_sent_once(self, project, alert):
        admin_of(project, "a@example.org")
        assert [deliveries.deliver() for _ in range(2)] == [1, 0]
        assert len(mail.outbox) == 1

    def test_is_not_tried_where_no_server_is_set_up_or_nobody_has_an_address(self, project, alert, settings):
        deliveries.deliver()
        settings.EMAIL_BACKEND = DUMMY
        admin_of(project, "a@example.org")
        deliveries.deliver()
        alert.refresh_from_db()
        assert (alert.attempts, alert.mailed_at, mail.outbox) == (0, None, [])

    def test_that_fails_is_kept_with_its_reason_and_tried_again_later(self, project, alert, settings):
        admin_of(project, "a@example.org")
        working = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        assert deliveries.deliver() == 0
        alert.refresh_from_db()
        assert (alert.mailed_at, alert.error) == (None, "mail: ConnectionRefusedError")
        settings.EMAIL_BACKEND = working
        assert later(alert, seconds=60).attempts == 1
        assert later(alert, seconds=130).mailed_at
        assert alert.error == ""

    def test_that_one_admin_cannot_get_reaches_the_others_once(self, project, alert, settings):
        settings.EMAIL_BACKEND = "tests.annotation.test_deliveries.Choosy"
        for address in ("anna@example.org", "nobody@example.org", "zoe@example.org"):
            admin_of(project, address)
        assert deliveries.deliver() == 1
        assert later(alert, hours=1).mailed_at
        assert [message.to for message in mail.outbox] == [["anna@example.org"], ["zoe@example.org"]]
        assert alert.error == "mail: SMTPRecipientsRefused"

    def test_that_nobody_can_get_is_not_told(self, project, alert, settings):
        settings.EMAIL_BACKEND = "tests.annotation.test_deliveries.Choosy"
        admin_of(project, "nobody@example.org")
        assert deliveries.deliver() == 0
        alert.refresh_from_db()
        assert (alert.mailed_at, alert.error) == (None, "mail: SMTPRecipientsRefused")


class TestPost:
    def test_carries_the_figures_and_a_link(self, alert, receiver):
        assert deliveries.deliver() == 1
        path, body, headers = receiver.posts[0]
        said = json.loads(body)
        assert (path, headers["Content-Type"]) == ("/alerts?key=1", "application/json")
        assert (said["project"], said["kind"], said["detail"]) == ("lumo", "agreement", DETAIL)
        assert said["url"] == "/projects/lumo/quality/"

    def test_is_signed_with_the_secret_and_the_time(self, alert, receiver):
        deliveries.deliver()
        _, body, headers = receiver.posts[0]
        time, digest = (part.split("=")[1] for part in headers["Flywheel-Signature"].split(","))
        assert digest == hmac.new(b"shared", f"{time}.".encode() + body, hashlib.sha256).hexdigest()

    def test_follows_no_redirect(self, alert, settings, project):
        with receiving() as elsewhere, receiving((302, {"Location": elsewhere.url})) as there:
            settings.DEBUG, settings.WEBHOOK_HOSTS = True, [there.host, elsewhere.host]
            Project.objects.update(alert_webhook=there.url)
            deliveries.deliver()
        alert.refresh_from_db()
        assert (len(there.posts), elsewhere.posts, alert.posted_at) == (1, [], None)
        assert alert.error == "webhook: 127.0.0.1 answered HTTP 302"

    def test_uses_no_proxy_of_the_environment(self, alert, receiver, monkeypatch):
        with receiving() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
            deliveries.deliver()
        assert (len(receiver.posts), proxy.posts) == (1, [])

    def test_is_tried_again_ever_more_seldom(self, alert, receiver):
        receiver.answers = [(500, {})] * 3
        tried = [later(alert, minutes=minutes).attempts for minutes in (0, 1, 3, 5, 8)]
        assert tried == [1, 1, 2, 2, 3]
        assert alert.error == "webhook: 127.0.0.1 answered HTTP 500"
        assert later(alert, hours=1).posted_at
        assert len(receiver.posts) == 4

    def test_is_given_up_after_days(self, alert, receiver):
        assert later(alert, days=4).attempts == 0
        assert receiver.posts == []

    def test_goes_nowhere_once_its_host_is_not_named_any_more(self, alert, receiver, settings):
        settings.WEBHOOK_HOSTS = []
        deliveries.deliver()
        alert.refresh_from_db()
        assert receiver.posts == []
        assert "WEBHOOK_HOSTS" in alert.error

    def test_and_mail_fail_apart(self, project, alert, receiver):
        admin_of(project, "a@example.org")
        receiver.answers = [(500, {})]
        deliveries.deliver()
        alert.refresh_from_db()
        assert (bool(alert.mailed_at), alert.posted_at) == (True, None)
        assert later(alert, minutes=3).posted_at
        assert len(mail.outbox) == 1

    def test_is_made_by_one_of_two_processes(self, alert, receiver):
        seen = Alert.objects.select_related("project").get()
        deliveries.deliver()
        stale = deliveries._attempted(seen, ways={"posted_at": deliveries.post}, now=timezone.now())
        assert (stale, len(receiver.posts)) == (False, 1)

    def test_names_no_person(self, project, alert, receiver):
        admin_of(project, "a@example.org")
        deliveries.deliver()
        assert b"example.org" not in receiver.posts[0][1]


class TestTarget:
    HOSTS = ["hooks.example.org", "10.0.0.5:8443", "127.0.0.1"]

    @pytest.mark.parametrize(
        "address",
        [
            "https://hooks.example.org",
            "https://hooks.example.org/T0/B1?x=%20&y=1",
            "https://hooks.example.org:443/",
            "https://10.0.0.5:8443/in",
            " https://hooks.example.org/ ",
        ],
    )
    def test_is_what_was_named(self, settings, address):
        settings.WEBHOOK_HOSTS = self.HOSTS
        assert webhooks.target_of(address).url == address.strip()

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "hooks.example.org",
            "http://hooks.example.org/",
            "https://example.org/",
            "https://hooks.example.org.evil.org/",
            "https://evil.org/hooks.example.org",
            "https://hooks.example.org:8443/",
            "https://hooks.example.org@evil.org/",
            "https://evil.org\\@hooks.example.org/",
            "https://evil.org#@hooks.example.org/",
            "https://evil.org?@hooks.example.org/",
            "https://HOOKS.example.org/",
            "https://10.0.0.5/in",
            "https://[::1]/",
            "https://169.254.169.254/latest/",
            "https://localhost/",
            "http://127.0.0.1/",
            "file:///etc/passwd",
            "https://hooks.example.org/a b",
            "https://hooks.example.org/\r\nX: y",
            "https://hooks.example.org:99999999/",
        ],
    )
    def test_is_nothing_else(self, settings, address):
        settings.WEBHOOK_HOSTS = self.HOSTS
        with pytest.raises(UnusableWebhook):
            webhooks.target_of(address)

    def test_is_this_machine_over_http_where_one_develops(self, settings):
        settings.WEBHOOK_HOSTS, settings.DEBUG = self.HOSTS, True
        assert webhooks.target_of("http://127.0.0.1/x").host == "127.0.0.1"
        with pytest.raises(UnusableWebhook):
            webhooks.target_of("http://hooks.example.org/x")

"""A real Chromium against the live server. Watched: no script error, no dialog, nothing from outside."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from annotation.models import Project
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory

# Playwright's sync API runs an event loop in the test's own thread; Django would refuse the database there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1}
TIMEOUT = 30_000  # milliseconds, for machines that do ten things at once
expect.set_options(timeout=TIMEOUT)


def executable() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.fail("Chromium is missing: run `make chromium`, or set CHROMIUM to its path.", pytrace=False)
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    flags = ["--disable-background-networking", "--disable-component-update"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """One person with a browser of their own, and everything that went wrong in it."""

    context: BrowserContext
    page: Page
    server: str
    trouble: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.trouble.append(f"script error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("dialog", self._asked)
        self.context.on("request", self._requested)

    def _heard(self, message) -> None:  # type: ignore[no-untyped-def]
        # Chromium logs each answer of 4xx as an error too; those are what some tests are about.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.trouble.append(f"console: {message.text}")

    def _asked(self, dialog) -> None:  # type: ignore[no-untyped-def]
        self.trouble.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, request) -> None:  # type: ignore[no-untyped-def]
        self.requested.append(request.url)
        made_here = request.url.startswith(f"blob:{self.server}/")
        if not made_here and urlsplit(request.url).netloc != urlsplit(self.server).netloc:
            self.trouble.append(f"request to the outside: {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.server + path)
        return self.page

    def sign_in(self, user: User) -> None:
        """The session cookie without the form; one test uses the form itself."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.server}])


class Traffic:
    """What the live server is at work on. A database that is emptied under a request makes the next test fail."""

    def __init__(self) -> None:
        self.going = 0
        self.changed = threading.Condition()

    def started(self, **_: object) -> None:
        with self.changed:
            self.going += 1

    def finished(self, **_: object) -> None:
        with self.changed:
            self.going -= 1
            self.changed.notify_all()

    def end(self, server: str) -> None:
        """Come back when nothing is under way any more; whatever was sent before stands in front of this request."""
        urlopen(f"{server}/static/icon.svg").close()  # noqa: S310  # our own server
        with self.changed:
            assert self.changed.wait_for(lambda: self.going <= 0, timeout=TIMEOUT / 1000), (
                "the server is still at work"
            )


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    traffic = Traffic()
    request_started.connect(traffic.started)
    request_finished.connect(traffic.finished)
    yield traffic
    request_started.disconnect(traffic.started)
    request_finished.disconnect(traffic.finished)


@pytest.fixture
def visit(chromium: Browser, live_server, traffic):  # type: ignore[no-untyped-def]
    """Opens a browser: `visit(user)`, `visit(user, **PHONE)`, `visit(user, java_script_enabled=False)`."""
    visitors: list[Visitor] = []

    def start(user: User | None = None, **options) -> Visitor:  # type: ignore[no-untyped-def]
        context = chromium.new_context(**{**DESKTOP, **options})
        context.set_default_timeout(TIMEOUT)
        visitor = Visitor(context=context, page=context.new_page(), server=live_server.url)
        visitor.watch()
        if user is not None:
            visitor.sign_in(user)
        visitors.append(visitor)
        return visitor

    yield start
    trouble = [sentence for visitor in visitors for sentence in visitor.trouble]
    for visitor in visitors:
        visitor.context.close()
    traffic.end(live_server.url)
    assert not trouble


@pytest.fixture
def project() -> Project:
    return ProjectFactory(slug="desk", name="Support answers")


@pytest.fixture
def annotator(project):  # type: ignore[no-untyped-def]
    annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user)
    return annotator

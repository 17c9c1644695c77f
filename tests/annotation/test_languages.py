"""A page in another language means the same: numbers in forms stay numbers, dates and sentences are translated."""

from html.parser import HTMLParser

import pytest
from django.urls import reverse

from tests.factories import MembershipFactory, ProjectFactory, UserFactory

pytestmark = pytest.mark.django_db
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9"}


class Form(HTMLParser):
    """What a browser would send back if nothing were touched."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self.select = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "select":
            self.select = given["name"] or ""
        if tag == "option" and "selected" in given:
            self.sent[self.select] = given["value"] or ""
        ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if tag == "input" and given.get("name") and ticked:
            self.sent[given["name"] or ""] = given.get("value") or ("on" if given.get("type") == "checkbox" else "")


def test_settings_sent_back_untouched_in_german_change_nothing(client):
    project = ProjectFactory(gold_rate=0.125, repeat_rate=0.05, overlap=12, lease_minutes=1000)
    client.force_login(MembershipFactory(project=project, role="admin").user)
    url = reverse("annotation:settings", args=[project.slug])
    page = client.get(url, **GERMAN)
    assert page.headers["Content-Language"] == "de"
    before = {name: value for name, value in vars(project).items() if not name.startswith("_")}
    sent = Form(page.content.decode()).sent
    assert sent["gold_rate"] == "0.125"
    assert client.post(url, sent, **GERMAN).status_code == 302
    project.refresh_from_db()
    assert {name: value for name, value in vars(project).items() if name in before} == before


def test_a_sentence_that_refuses_is_in_the_readers_language(client):
    project = ProjectFactory(slug="lampen")
    client.force_login(UserFactory())
    url = reverse("annotation:desk", args=[project.slug])
    assert "Es gibt kein Projekt" in client.get(url, **GERMAN).content.decode()
    assert "There is no project" in client.get(url).content.decode()


def test_a_language_that_is_not_there_is_answered_in_english(client):
    html = client.get(reverse("account_login"), HTTP_ACCEPT_LANGUAGE="fr,ja;q=0.8").content.decode()
    assert '<html lang="en" dir="ltr">' in html

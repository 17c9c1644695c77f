"""Logs hold nothing that opens a door."""

import logging

import pytest
from django.test import Client

TOKEN = "Zq3-not_for_the_log"
LINK = f"/projects/join/{TOKEN}/"


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("post", LINK, 403),
        ("put", LINK, 403),
        ("delete", f"{LINK}?next=/", 403),
        ("options", LINK, 405),
        ("get", LINK, 404),
        ("get", f"{LINK}more/", 404),
    ],
)
@pytest.mark.django_db
def test_the_token_of_an_invitation_is_not_logged(caplog, method, address, status):
    caplog.set_level(logging.DEBUG)
    assert getattr(Client(enforce_csrf_checks=True), method)(address).status_code == status
    assert "/projects/join/…" in caplog.text
    assert TOKEN not in caplog.text


def test_other_addresses_are_logged_as_they_are(caplog):
    logging.getLogger("django.request").warning("Bad: %s", "/projects/lumo/desk/")
    assert "Bad: /projects/lumo/desk/" in caplog.text

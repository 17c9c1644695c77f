"""How people come in: by one door that counts wrong guesses, and by nothing that mails."""

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.core.cache import cache
from django.core.cache.backends.db import DatabaseCache
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse

from annotation.models import Membership
from flywheel import settings as as_delivered
from tests.factories import PASSWORD, MembershipFactory, UserFactory

NEED_A_SECOND_FACTOR = {"mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_download_recovery_codes"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_guesses_yet():  # type: ignore[no-untyped-def]
    cache.clear()
    yield
    cache.clear()


def sign_in(client, username: str, password: str):  # type: ignore[no-untyped-def]
    return client.post("/accounts/login/", {"login": username, "password": password})


def signed_in(user) -> Client:  # type: ignore[no-untyped-def]
    """Through the forms: what touches the account asks for the password once more."""
    client = Client()
    assert sign_in(client, user.username, PASSWORD).status_code == 302
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/"}).url == "/"
    return client


def test_the_sixth_wrong_password_is_refused_and_so_is_the_right_one_after_it(client):
    user = UserFactory()
    for _ in range(5):
        assert "Too many failed" not in sign_in(client, user.username, "wrong").content.decode()
    assert "Too many failed" in sign_in(client, user.username, "wrong").content.decode()
    assert "Too many failed" in sign_in(client, user.username, PASSWORD).content.decode()


def test_the_admin_has_no_door_of_its_own(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    answer = client.post("/admin/login/?next=/admin/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session
    assert signed_in(user).get("/admin/").status_code == 200
    assert signed_in(UserFactory()).get("/admin/login/").status_code == 403


def test_guesses_are_counted_where_every_worker_looks_and_migrate_makes_the_place():
    backend = as_delivered.CACHES["default"]["BACKEND"]
    assert backend == f"{DatabaseCache.__module__}.{DatabaseCache.__name__}"
    table = as_delivered.CACHES["default"]["LOCATION"]
    assert table in connection.introspection.table_names()
    one, other = (DatabaseCache(table, {}) for _ in "ab")
    one.set("guesses", [1, 2])
    assert other.get("guesses") == [1, 2]


@pytest.mark.parametrize(
    "path", ["password/reset/", "signup/", "email/", "confirm-email/", "password/set/", "login/code/"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_signs_up_or_mails_on_the_word_of_a_stranger(client, method, path):
    UserFactory(email="person@example.org")
    assert getattr(client, method)(f"/accounts/{path}", {"email": "person@example.org"}).status_code == 404
    assert mail.outbox == []


@pytest.mark.parametrize(
    "name",
    [
        "account_login", "account_logout", "account_inactive", "account_reauthenticate", "account_change_password",
        "mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
        "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
    ],
)  # fmt: skip
@pytest.mark.parametrize("who", ["a stranger", "a person", "a person with two factors"])
def test_every_page_of_the_account_renders_in_our_look(name, who):
    user = UserFactory()
    client = Client() if who == "a stranger" else signed_in(user)
    if who == "a person with two factors":
        TOTP.activate(user, generate_totp_secret())
        RecoveryCodes.activate(user)
    answer = client.get(reverse(name), follow=True)
    assert answer.status_code == (404 if who == "a person" and name in NEED_A_SECOND_FACTOR else 200)
    if answer["Content-Type"].startswith("text/html"):
        assert "css/site.css" in answer.content.decode()
        assert "style=" not in answer.content.decode()


def test_names_that_mail_do_not_even_exist():
    for name in ("account_email", "account_reset_password"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


def test_only_the_page_with_the_qr_code_allows_images_written_into_it():
    client = signed_in(UserFactory())
    policies = {
        name: client.get(reverse(name))["Content-Security-Policy"] for name in ("mfa_index", "mfa_activate_totp")
    }
    assert "img-src 'self' data:" in policies["mfa_activate_totp"]
    assert "data:" not in policies["mfa_index"]


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("annotator", False),
        ("reviewer", True),
        ("engineer", True),
        ("admin", True),
        ("staff", False),
        ("superuser", True),
    ],
)
def test_the_link_to_the_loop_is_shown_to_those_whom_its_page_admits(role, shown):
    user = UserFactory(is_staff=role == "staff", is_superuser=role == "superuser")
    if role in Membership.Role.values:
        MembershipFactory(user=user, role=role)
    assert ('href="/flywheel/"' in signed_in(user).get("/").content.decode()) is shown

import stat

import pytest
from django.contrib.auth.models import User

from flywheel.actions import logins
from flywheel.exceptions import FlywheelError
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


def test_everybody_is_there_once_and_the_second_call_says_the_same(settings):
    project = ProjectFactory()
    first = logins.ensure(project)
    assert first == logins.ensure(project)
    assert {login.name for login in first} == {"admin", "ana", "ben", "rita", "erik"}
    assert User.objects.get(username="admin").is_superuser
    assert not User.objects.get(username="ana").is_staff
    assert all(User.objects.get(username=login.name).check_password(login.password) for login in first)
    assert len({login.password for login in first}) == 5
    assert stat.S_IMODE(settings.DEMO_LOGINS.stat().st_mode) == 0o600


def test_a_password_that_its_owner_changed_is_neither_printed_nor_put_back():
    project = ProjectFactory()
    logins.ensure(project)
    ana = User.objects.get(username="ana")
    ana.set_password("mine alone")
    ana.save()
    assert next(login for login in logins.ensure(project) if login.name == "ana").password == logins.CHANGED
    ana.refresh_from_db()
    assert ana.check_password("mine alone")


def test_a_new_database_gets_the_passwords_of_the_file():
    first = logins.ensure(ProjectFactory())
    User.objects.all().delete()
    assert logins.ensure(ProjectFactory()) == first


def test_an_unreadable_file_is_one_sentence(settings):
    settings.DEMO_LOGINS.write_text("not json")
    with pytest.raises(FlywheelError, match="Remove it"):
        logins.ensure(ProjectFactory())

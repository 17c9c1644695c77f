"""The demo's people. Their passwords are made up once and kept in a file that only this user can read."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from annotation.actions import members
from annotation.models import Membership, Project
from flywheel.exceptions import FlywheelError

Role = Membership.Role
PEOPLE = {
    "admin": Role.ADMIN,
    "ana": Role.ANNOTATOR,
    "ben": Role.ANNOTATOR,
    "rita": Role.REVIEWER,
    "erik": Role.ENGINEER,
}
CHANGED = "(its own since the demo began)"


@dataclass(frozen=True, kw_only=True)
class Login:
    name: str
    role: str
    password: str


def ensure(project: Project) -> list[Login]:
    """Everybody is there and a member; who was there already keeps password and role."""
    passwords = remembered(settings.DEMO_LOGINS)
    return [login(name, role=role, password=passwords[name], project=project) for name, role in PEOPLE.items()]


def login(name: str, *, role: str, password: str, project: Project) -> Login:
    user = User.objects.filter(username=name).first()
    if user is None:
        make = User.objects.create_superuser if role == Role.ADMIN else User.objects.create_user
        user = make(name, password=password)
    if not Membership.objects.filter(project=project, user=user).exists():
        members.add(project, user=user, role=role, by=None)
    return Login(name=name, role=role, password=password if user.check_password(password) else CHANGED)


def remembered(path: Path) -> dict[str, str]:
    """The passwords in the file; what is missing in it is made up and added."""
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        passwords = {name: known.get(name) or secrets.token_urlsafe(12) for name in PEOPLE}
        if passwords != known:
            write_private(path, json.dumps(passwords, indent=2) + "\n")
    except (OSError, ValueError, AttributeError) as error:
        raise FlywheelError(f"The demo's logins in {path} cannot be read or written: {error}. Remove it.") from None
    return passwords


def write_private(path: Path, text: str) -> None:
    """Mode 600 from its first byte; replaced in one step."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)

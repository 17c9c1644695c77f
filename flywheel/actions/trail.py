"""The audit trail of the loop. Its commands run in a shell, where nobody signs in."""

import getpass
import os
from typing import Any

from django.contrib.auth.models import User

from annotation.actions import audit
from annotation.models import Project


def record(verb: str, project: Project, *, by: User | None, **detail: Any) -> None:
    """One row; without a person the operating system's user stands in its detail."""
    who = {} if by else {"shell_user": shell_user()}
    audit.record(verb, f"project {project.slug}", by=by, **who, **detail)


def shell_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return str(os.getuid())

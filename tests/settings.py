"""The project's own settings with throw-away secrets and fast password hashing. DATABASE_URL chooses the database."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "tests-only")
os.environ.setdefault("PSEUDONYM_KEY", "tests-only")

from flywheel.settings import *  # noqa: F403
from flywheel.settings import DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Straight out of static/: nobody runs collectstatic before the tests.
WHITENOISE_AUTOREFRESH = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = False
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, not memory: threads then have connections of their own, as in production.
    DATABASES["default"]["TEST"] = {"NAME": Path(tempfile.gettempdir()) / f"flywheel-tests-{os.getpid()}.sqlite3"}

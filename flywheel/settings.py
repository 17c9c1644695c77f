"""Settings of the one project. Every value that differs between machines is an environment variable,
listed in .env.example; a wrong one stops the boot with its name."""

import re
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def secret(name: str) -> str:
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: run `make env`, or copy .env.example to .env and fill it in.")
    return value


def switch(name: str) -> bool:
    """False unless set. `env.bool` would read every unknown word as false."""
    value = env.str(name, default="false").lower()
    if value not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
        raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false.")
    return value in ("true", "1", "yes", "on")


def database() -> dict[str, Any]:
    url = env.str("DATABASE_URL", default="") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        # Writers take the lock when they begin, so that a waiting writer waits instead of failing half-way.
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        options = {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": pragmas}
        age = None  # opening the file anew for each request costs more than most of its questions
    elif scheme in ("postgres", "postgresql"):
        # Parameters apart from the text, so that the server plans a question of the desk once, not each time.
        binding = {"server_side_binding": True, "prepare_threshold": 3, "options": "-c jit=off"}
        options = {"pool": {"min_size": 1, "max_size": 8, "timeout": 30}, **binding}
        age = 0  # the pool keeps them
    else:
        raise ImproperlyConfigured(f"DATABASE_URL begins with {scheme!r}: use sqlite:///path or postgres://…")
    config: dict[str, Any] = env.db_url_config(url)
    return {**config, "CONN_MAX_AGE": age, "OPTIONS": {**config.get("OPTIONS", {}), **options}}


def mail() -> dict[str, Any]:
    """What EMAIL_URL says; a backend that sends nothing if it is not set."""
    url = env.str("EMAIL_URL", default="")
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        config: dict[str, Any] = env.email_url_config(url)
    except (ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(
            "EMAIL_URL is no address of a mail server: smtp+tls://user:password@host:587"
        ) from None
    return config


def webhook_hosts() -> list[str]:
    hosts = [host.strip().lower() for host in env.list("WEBHOOK_HOSTS", default=[])]
    if wrong := [host for host in hosts if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", host)]:
        raise ImproperlyConfigured(
            f"WEBHOOK_HOSTS: {wrong[0]!r} is no host: name it as hooks.example.org or host:port."
        )
    return hosts


SECRET_KEY = secret("SECRET_KEY")
PSEUDONYM_KEY = secret("PSEUDONYM_KEY")
DEBUG = switch("DEBUG")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = switch("HTTPS")

RELEASES_DIR = Path(env.str("RELEASES_DIR", default=str(BASE_DIR / "releases"))).resolve()
RUNS_DIR = Path(env.str("RUNS_DIR", default=str(BASE_DIR / "runs"))).resolve()
# Where `demo` keeps the passwords that it made up, so that it can print them again.
DEMO_LOGINS = Path(env.str("DEMO_LOGINS", default="") or BASE_DIR / ".demo-logins").resolve()
BASE_MODEL = env.str("BASE_MODEL", default="tiny")
TURN_METHODS = ("dpo", "sft", "ppo", "rloo")
TURN_METHOD = env.str("TURN_METHOD", default="") or "dpo"
if TURN_METHOD not in TURN_METHODS:
    raise ImproperlyConfigured(f"TURN_METHOD={TURN_METHOD!r} is none of {', '.join(TURN_METHODS)}.")
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
# The one server that is sent the key.
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="") or "https://api.openai.com/v1"
# Which code is running where no checkout can tell; the image sets it.
GIT_COMMIT = env.str("GIT_COMMIT", default="")[:64]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "rest_framework.authtoken",
    "annotation",
    "training",
    "flywheel",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "flywheel.middleware.DomainErrorMiddleware",
]

ROOT_URLCONF = "flywheel.urls"
WSGI_APPLICATION = "flywheel.wsgi.application"
ASGI_APPLICATION = "flywheel.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "annotation.signin.Accounts",
    "allauth.account.auth_backends.AuthenticationBackend",
    "flywheel.permissions.EngineersSeeRuns",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "annotation.signin.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if switch("BEHIND_PROXY") else 0
MFA_TOTP_ISSUER = "Flywheel"
# Alerts and summaries alone are mailed, and only through a server that somebody named.
MAIL = mail()
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="") or MAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = MAIL.get("EMAIL_HOST") or "localhost", MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.get("EMAIL_HOST_USER") or "", MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL.get("EMAIL_USE_TLS", False), MAIL.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = MAIL.get("EMAIL_FILE_PATH") or None
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="") or "flywheel@localhost"
# Where people reach the site, for links in mails and posts.
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
# Alerts are posted to these and to no others, signed with the secret.
WEBHOOK_HOSTS = webhook_hosts()
WEBHOOK_SECRET = env.str("WEBHOOK_SECRET", default="")
if WEBHOOK_HOSTS and not WEBHOOK_SECRET:
    raise ImproperlyConfigured("WEBHOOK_SECRET is not set: what is posted to WEBHOOK_HOSTS is signed with it.")
# Failed sign-ins are counted here, for all workers together. Large, so that nobody pushes the counts out by guessing.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

SESSION_ENGINE = "flywheel.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if switch("BEHIND_PROXY") else None
# Whether subdomains follow, and whether browsers preload it, is for the owner of the domain to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

LANGUAGE_CODE = "en"
# Whole ones only: a test fails for a sentence that one of them lacks.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "flywheel" / "locale"]
FORMAT_MODULE_PATH = "flywheel.locale"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "flywheel.storage.HashedModules"
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotation.api.errors.answer",
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {"TITLE": "RLHF flywheel", "VERSION": "1"}

# A million-character answer is refused with a sentence by the form, not cut off by the server.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "annotation.forms.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"invitations": {"()": "flywheel.logs.WithoutInvitations"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["invitations"]}},
    # Where addresses are logged; whatever else may listen there is spared them as well.
    "loggers": {name: {"filters": ["invitations"]} for name in ("django.request", "django.security.csrf")},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}

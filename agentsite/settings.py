"""Django's settings. What an operator may change comes from `agentsite.env`."""

import sys
from typing import Any
from urllib.parse import unquote, urlsplit

import django_stubs_ext

from agentsite import env
from agentsite.databases import database
from agentsite.keys import secret_key

try:
    AGENTSITE = env.load()
except env.BadEnvironmentError as error:
    raise SystemExit(f"agentsite cannot start.\n{error}") from None

django_stubs_ext.monkeypatch()  # admin and form classes name their model when Python runs, as they do for mypy

BASE_DIR = env.BASE_DIR
DATA_DIR = AGENTSITE.data_path
SECRET_KEY = secret_key(AGENTSITE.secret_key, DATA_DIR)
DEBUG = AGENTSITE.debug
ALLOWED_HOSTS = list(AGENTSITE.hosts)
CSRF_TRUSTED_ORIGINS = list(AGENTSITE.origins)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "agentsite.access",
    "tools_app",
    "agents_app",
    "sessions_app",
    "monitoring_app",
]
if "runserver" in sys.argv:
    INSTALLED_APPS.insert(0, "daphne")  # its runserver serves sockets too; elsewhere the import costs half a second
MIDDLEWARE = [
    "agentsite.core.middleware.RequestIdMiddleware",
    "agentsite.core.middleware.SecurityHeadersMiddleware",
    "agentsite.core.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "agentsite.core.middleware.StaticFilesMiddleware",
    "agentsite.core.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "agentsite.core.middleware.OneThreadMiddleware",
]
ROOT_URLCONF = "agentsite.urls"
ASGI_APPLICATION = "agentsite.asgi.application"
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
                "agentsite.core.middleware.csp_nonce",
                "agentsite.core.theme.theme",
            ]
        },
    }
]

DATABASES = {"default": database(AGENTSITE.database_url, DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_USER_MODEL = "access.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static" if AGENTSITE.production else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if AGENTSITE.production
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# In development files come straight from their sources; in production `collectstatic` has given them names with hashes.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not AGENTSITE.production
WHITENOISE_ALLOW_ALL_ORIGINS = False

SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = AGENTSITE.secure
SECURE_REDIRECT_EXEMPT = [r"^(health|livez|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31_536_000 if AGENTSITE.secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = AGENTSITE.secure
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "agentsite.core.http.csrf_failure"
BODY_LIMIT_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Without a mail server development prints mails; production sends none, and its pages say whom to ask.
_mail = urlsplit(AGENTSITE.email_url)
_mail_backend = "smtp" if AGENTSITE.email_url else "dummy" if AGENTSITE.production else "console"
EMAIL_BACKEND = f"django.core.mail.backends.{_mail_backend}.EmailBackend"
EMAIL_HOST = _mail.hostname or "localhost"
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 587)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp" and bool(_mail.username)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = AGENTSITE.email_from

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "agentsite.access.rest_authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "agentsite.core.rest.LenientNegotiation",
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "agentsite.core.rest.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "agentsite",
    "DESCRIPTION": "Sessions with AI agents that people supervise.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {"GateWordEnum": ["allow", "ask", "deny"]},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "agentsite.core.logs.RequestIdFilter"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} [{request_id}] {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["stderr"], "level": AGENTSITE.log_level},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": AGENTSITE.log_level, "propagate": False},
        "django.db.backends": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "uvicorn": {"level": "WARNING"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # anybody can cause it; it says nothing about the site
    },
}

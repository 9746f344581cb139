"""The environment: every variable of the site, declared once. This is the only module that reads it.

A value that cannot be used stops the site with a sentence that says what to type instead. `.env.example` and
`docs/configuration.md` are made from the declarations by `python -m agentsite.env_reference`.
"""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import load_dotenv
from pydantic import Field, JsonValue, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from agentsite.env_types import Address, DatabaseUrl, MailUrl, Names, Networks, Origins, RedisUrl

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_KEYS = ("django-insecure", "development", "changeme", "change-me", "secret", "default", "example")


class BadEnvironmentError(Exception):
    """The site cannot start; the text says what to type instead, a line for each variable."""


def _variable(name: str, default: Any, says: str, type_instead: str, *, secret: bool = False, **limits: Any) -> Any:
    """Declare one variable: its name, its default, what it does, and what to type when a value cannot be used."""
    extra: dict[str, JsonValue] = {"type_instead": type_instead, "secret": secret}
    return Field(default, validation_alias=name, description=says, json_schema_extra=extra, repr=not secret, **limits)


class Environment(BaseSettings):
    """The site's configuration, checked. Settings hold it as `settings.AGENTSITE`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True, validate_default=False
    )

    env: Literal["development", "production"] = _variable(
        "AGENTSITE_ENV",
        "production",
        "What the site runs for; `make run` says development.",
        "development or production",
    )
    debug: bool = _variable(
        "AGENTSITE_DEBUG", False, "Django's debug pages, for work on the code; never in production.", "true or false"
    )
    data_dir: Path = _variable(
        "AGENTSITE_DATA_DIR",
        Path("var"),
        "Where the database, the secret key and the workspaces live.",
        "the path of a directory that the site may write to",
    )
    secret_key: str = _variable(
        "AGENTSITE_SECRET_KEY",
        "",
        "Signs cookies and encrypts stored secrets. Unset: made once in the data directory, mode 0600; back it up.",
        "nothing (the site makes a key) or at least 50 random characters",
        secret=True,
    )
    host: str = _variable(
        "HOST", "127.0.0.1", "The address that `serve` listens on.", "an address such as 127.0.0.1 or 0.0.0.0"
    )
    port: int = _variable("PORT", 8000, "The port that `serve` listens on.", "a number from 0 to 65535", ge=0, le=65535)
    hosts: Names = _variable(
        "AGENTSITE_HOSTS",
        ("localhost", "127.0.0.1", "[::1]"),
        "Host names that the site answers to.",
        "names with commas between them, such as agents.example.com,localhost",
    )
    origins: Origins = _variable(
        "AGENTSITE_ORIGINS",
        (),
        "Further origins whose pages may use this site's cookies; the site's own is always allowed.",
        "origins with commas between them, such as https://agents.example.com",
    )
    cors_origins: Origins = _variable(
        "AGENTSITE_CORS_ORIGINS",
        (),
        "Origins whose pages may call the API with a bearer token. Cookies are never shared with them.",
        "origins with commas between them, such as https://app.example.com",
    )
    trusted_proxies: Networks = _variable(
        "AGENTSITE_TRUSTED_PROXIES",
        (),
        "Networks of the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
        "networks with commas between them, such as 127.0.0.1/32,10.0.0.0/8",
    )
    https: bool | None = _variable(
        "AGENTSITE_HTTPS",
        None,
        "Redirect to HTTPS, HSTS, secure cookies. Unset: on in production, off in development.",
        "true or false",
    )
    database_url: DatabaseUrl = _variable(
        "DATABASE_URL",
        "",
        "PostgreSQL instead of SQLite in the data directory.",
        "an address such as postgres://user:password@127.0.0.1:5432/agentsite",
        secret=True,
    )
    redis_url: RedisUrl = _variable(
        "REDIS_URL",
        "",
        "Carries live text between processes and wakes Celery workers. Not needed with one process.",
        "an address such as redis://127.0.0.1:6379/0",
        secret=True,
    )
    executor: Literal["embedded", "celery"] = _variable(
        "AGENTSITE_EXECUTOR", "embedded", "Who executes runs: this process or Celery workers.", "embedded or celery"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _variable(
        "AGENTSITE_LOG_LEVEL", "INFO", "The least important line that is logged.", "DEBUG, INFO, WARNING or ERROR"
    )
    confirm_seconds: int = _variable(
        "AGENTSITE_CONFIRM_SECONDS",
        86_400,
        "How long a question to a person stays open, in seconds; 0: for ever.",
        "a whole number of seconds, such as 86400, or 0",
        ge=0,
    )
    max_runs: int = _variable("AGENTSITE_MAX_RUNS", 200, "Runs at once.", "a whole number from 1, such as 200", ge=1)
    max_sockets_per_user: int = _variable(
        "AGENTSITE_MAX_SOCKETS_PER_USER", 50, "Open sockets of one user.", "a whole number from 1, such as 50", ge=1
    )
    message_characters: int = _variable(
        "AGENTSITE_MESSAGE_CHARACTERS", 32_000, "The longest message.", "a whole number from 1, such as 32000", ge=1
    )
    email_url: MailUrl = _variable(
        "AGENTSITE_EMAIL_URL",
        "",
        "The mail server for password resets. Unset: mails are printed in development, and not offered in production.",
        "an address such as smtp://user:password@mail.example.com:587",
        secret=True,
    )
    email_from: str = _variable(
        "AGENTSITE_EMAIL_FROM",
        "agentsite@localhost",
        "The sender of mails.",
        "a mail address such as agents@example.com",
    )
    openai_api_key: str = _variable(
        "OPENAI_API_KEY", "", "The key of the default engine.", "the key that the provider gave you", secret=True
    )
    openai_base_url: Address = _variable(
        "OPENAI_BASE_URL", "", "Any OpenAI-compatible service.", "an address such as http://127.0.0.1:8080/v1"
    )
    openai_model: str = _variable("OPENAI_MODEL", "", "The model of the default engine.", "a model's name")
    azure_openai_api_key: str = _variable(
        "AZURE_OPENAI_API_KEY", "", "The key of an Azure deployment.", "the key that Azure gave you", secret=True
    )
    azure_openai_endpoint: Address = _variable(
        "AZURE_OPENAI_ENDPOINT",
        "",
        "The address of the Azure resource.",
        "an address such as https://name.openai.azure.com",
    )
    azure_openai_deployment: str = _variable(
        "AZURE_OPENAI_DEPLOYMENT", "", "The deployment's name.", "a deployment's name"
    )
    azure_openai_api_version: str = _variable(
        "AZURE_OPENAI_API_VERSION", "2024-10-21", "The version of Azure's API.", "a version such as 2024-10-21"
    )
    ollama_host: str = _variable(
        "OLLAMA_HOST", "", "An Ollama server as the default engine.", "an address such as http://127.0.0.1:11434"
    )
    fault: str = _variable(
        "AGENTSITE_FAULT", "", "Tests only: kill the process at this fault point (`name` or `name:N`).", "nothing"
    )
    env_file: str = _variable(
        "AGENTSITE_ENV_FILE",
        ".env",
        "A file of these variables beside `manage.py`; the environment wins.",
        "a file's path",
    )

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        """Production is never lax, and an executor has what it needs."""
        if self.production and self.debug:
            raise ValueError("AGENTSITE_DEBUG is for development: leave it out, or type AGENTSITE_ENV=development.")
        if self.production and self.fault:
            raise ValueError("AGENTSITE_FAULT is for tests: leave it out.")
        if self.production and "*" in self.hosts:
            raise ValueError("AGENTSITE_HOSTS is *, which is every name: type the names that the site answers to.")
        if self.production and self.secret_key and is_weak(self.secret_key):
            raise ValueError(
                "AGENTSITE_SECRET_KEY is easy to guess: leave it out, or type 50 random characters or more."
            )
        if self.executor == "celery" and not self.redis_url:
            raise ValueError("AGENTSITE_EXECUTOR is celery, which needs REDIS_URL, such as redis://127.0.0.1:6379/0.")
        return self

    @property
    def production(self) -> bool:
        """Whether the site runs for people rather than for work on it."""
        return self.env == "production"

    @property
    def secure(self) -> bool:
        """Whether people reach the site over HTTPS only."""
        return self.production if self.https is None else self.https

    @property
    def data_path(self) -> Path:
        """The data directory; a relative one is beside `manage.py`."""
        return (BASE_DIR / self.data_dir.expanduser()).resolve()


def is_weak(key: str) -> bool:
    """Whether a secret key is short, repetitive or a well-known one."""
    return len(key) < 50 or len(set(key)) < 10 or key.lower().startswith(DEFAULT_KEYS)


def declared() -> dict[str, FieldInfo]:
    """Each variable's declaration by its name, in order."""
    return {str(info.validation_alias): info for info in Environment.model_fields.values()}


def load() -> Environment:
    """The environment, checked; raises BadEnvironmentError with what to type instead."""
    load_dotenv(BASE_DIR / os.environ.get("AGENTSITE_ENV_FILE", ".env"))
    try:
        return Environment()
    except ValidationError as error:
        sentences = dict.fromkeys(_sentence(detail) for detail in error.errors())
        raise BadEnvironmentError("\n".join(sentences)) from error


def unknown_names() -> dict[str, str]:
    """Names that begin with AGENTSITE_ and mean nothing, each with the nearest name that does, or an empty text."""
    names = declared()
    strange = [name for name in os.environ if name.startswith("AGENTSITE_") and name not in names]
    return {name: next(iter(get_close_matches(name, names, 1)), "") for name in strange}


def key_variable(name: str) -> str:
    """The value of a variable that an engine's row names as its key; the site's own secrets are never given out."""
    own = name.startswith("AGENTSITE_") or name in ("DATABASE_URL", "REDIS_URL")
    return "" if own else os.environ.get(name, "")


def _sentence(detail: ErrorDetails) -> str:
    """One error as a sentence; the value of a secret is not repeated."""
    if not detail["loc"]:
        return str(detail["ctx"]["error"])
    name = str(detail["loc"][0])
    extra = declared()[name].json_schema_extra
    assert isinstance(extra, dict)
    given = "cannot be used" if extra["secret"] else f"is {os.environ.get(name, detail['input'])!r}"
    return f"{name} {given}. Type {extra['type_instead']} instead, or leave it out."

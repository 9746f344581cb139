"""Django's database settings: SQLite in the data directory, or PostgreSQL from an address."""

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-8000",
}
POOL = {"min_size": 2, "max_size": 10, "timeout": 30}


def database(url: str, data_path: Path) -> dict[str, Any]:
    """The settings of the one database. Tests use a file too: their threads share it."""
    parts = urlsplit(url)
    if parts.scheme in ("postgres", "postgresql"):
        return _postgresql(parts)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": data_path / (unquote(parts.path).removeprefix("/") or "db.sqlite3"),
        "OPTIONS": SQLITE_OPTIONS,
        "TEST": {"NAME": data_path / "test.sqlite3"},
    }


def _postgresql(parts: SplitResult) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,  # the pool keeps connections, and Django refuses both at once
        "OPTIONS": {"pool": POOL, **dict(parse_qsl(parts.query))},
    }

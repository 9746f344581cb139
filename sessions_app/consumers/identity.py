"""Whether the person behind an open socket is still signed in; asked again on every command."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import get_user

from agentsite.access.models import User
from agentsite.access.selectors import user_for_token


def signed_in_user(scope: Any) -> User | None:
    """The user as the database has them now; None when the token, the session or the account is no longer good."""
    token = _bearer(scope)
    if token:
        return user_for_token(token)
    if scope.get("session") is not None:
        return _user_of_cookie(scope["session"].session_key)
    return User.objects.filter(pk=scope["user"].pk, is_active=True).first()


def _user_of_cookie(session_key: str | None) -> User | None:
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(cast("Any", SimpleNamespace(session=store)))
    return user if isinstance(user, User) and user.is_active else None


def _bearer(scope: Any) -> str:
    for name, value in scope.get("headers", ()):
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    return ""

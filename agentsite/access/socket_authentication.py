"""Who opens a socket: `scope["user"]` is a user, or AnonymousUser; consumers decide what a stranger sees.

In this order: an API token in `Authorization: Bearer …` (programs send no Origin), a one-use `?ticket=` (pages of other
origins), the session's cookie, for which the Origin must be exactly the site's own or one that AGENTSITE_ORIGINS names.
"""

from typing import Any, cast
from urllib.parse import ParseResult, parse_qs

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http.request import split_domain_port, validate_host

from agentsite.access.models import User
from agentsite.access.selectors import user_for_token
from agentsite.access.services import use_socket_ticket
from agentsite.core.asgi_layers import Application, Receive, Scope, Send

SECURE_SCHEMES = ("https", "wss")


class SocketAuthentication:
    """Set `scope["user"]`; a cookie from another origin is refused before the socket opens."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.with_cookie = SameOrigin(AuthMiddlewareStack(cast(Any, application)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bearer = _bearer(scope)
        ticket = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ticket", [""])[0]
        if not bearer and not ticket:
            await self.with_cookie(scope, receive, send)
            return
        user = await _user_for(bearer, ticket)
        await self.application({**scope, "user": user or AnonymousUser()}, receive, send)


class SameOrigin:
    """Let a socket through whose Origin is exactly that of the address it was opened at, or one that is named."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = [*settings.AGENTSITE.origins, *own_origins(scope)]
        validator: Application = cast(Any, ExactOrigin(self.application, allowed))
        await validator(scope, receive, send)


class ExactOrigin(OriginValidator):
    """Channels' comparison of scheme, host and port; a port that is no number is refused instead of raised."""

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Whether the origin is one of the allowed."""
        try:
            return bool(super().valid_origin(parsed_origin))
        except ValueError:
            return False


def own_origins(scope: Scope) -> list[str]:
    """The origin of the pages that this socket belongs to; none when its Host is not the site's."""
    host = _header(scope, b"host").lower()
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return []
    return [f"{'https' if scope.get('scheme') in SECURE_SCHEMES else 'http'}://{host}"]


@database_sync_to_async
def _user_for(bearer: str, ticket: str) -> User | None:
    return user_for_token(bearer) if bearer else use_socket_ticket(token=ticket)


def _bearer(scope: Scope) -> str:
    scheme, _, value = _header(scope, b"authorization").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for header, value in scope["headers"] if header == name), "")

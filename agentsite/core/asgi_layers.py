"""What is settled before Django sees a connection: who sits behind a proxy, and how long a body may be."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from agentsite.env_types import Network

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
SECURE = {"http": "https", "websocket": "wss"}
PLAIN = {"http": "http", "websocket": "ws"}


class TrustedProxies:
    """Believe X-Forwarded-For and X-Forwarded-Proto when, and only when, the peer is a named proxy."""

    def __init__(self, application: Application, networks: Sequence[Network]) -> None:
        self.application = application
        self.networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope.get("client")
        if scope["type"] in SECURE and peer and self._is_trusted(peer[0]):
            scope = {**scope, **self._forwarded(scope)}
        await self.application(scope, receive, send)

    def _is_trusted(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in network for network in self.networks)

    def _forwarded(self, scope: Scope) -> Scope:
        """The nearest address that is not a proxy, and the scheme that the nearest proxy was asked with."""
        found: Scope = {}
        hops = [*_values(scope, b"x-forwarded-for")]
        while hops and self._is_trusted(hops[-1]) and len(hops) > 1:
            hops.pop()
        if hops:
            found["client"] = (hops[-1], 0)
        protocol = _values(scope, b"x-forwarded-proto")[-1:]
        if protocol in (["https"], ["http"]):
            found["scheme"] = (SECURE if protocol == ["https"] else PLAIN)[scope["type"]]
        return found


class BodyLimit:
    """Read a request's body up to the limit; a longer one is not read on, and the request is marked as too large.

    Django reads a body of unknown length to its end before any of its own code runs, so the limit is held here.
    """

    def __init__(self, application: Application, limit: int) -> None:
        self.application = application
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        messages = await self._read(scope, receive)
        if messages is None:
            scope = {**scope, "agentsite.too_large": True}
            messages = [{"type": "http.request", "body": b"", "more_body": False}]
            receive = _nothing_more
        else:
            scope = {**scope, "headers": _with_length(scope, messages)}
        await self.application(scope, _replay(messages, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> list[Message] | None:
        """The messages of the body, None when it is too large."""
        if self._declared(scope) > self.limit:
            return None
        messages = [await receive()]
        size = len(messages[0].get("body", b""))
        while size <= self.limit and messages[-1].get("more_body", False):
            messages.append(await receive())
            size += len(messages[-1].get("body", b""))
        return messages if size <= self.limit else None

    @staticmethod
    def _declared(scope: Scope) -> int:
        declared = _values(scope, b"content-length")
        return int(declared[-1]) if declared and declared[-1].isdigit() else 0


def _values(scope: Scope, name: bytes) -> list[str]:
    """The comma-separated values of a header, over all its lines."""
    lines = [value.decode("latin-1") for header, value in scope["headers"] if header == name]
    return [part.strip() for line in lines for part in line.split(",") if part.strip()]


def _with_length(scope: Scope, messages: list[Message]) -> list[tuple[bytes, bytes]]:
    """The headers with the length of the body: without it Django REST framework takes a body in chunks for none."""
    if _values(scope, b"content-length") or not any(message.get("body") for message in messages):
        return [*scope["headers"]]
    length = sum(len(message.get("body", b"")) for message in messages)
    return [*scope["headers"], (b"content-length", str(length).encode())]


async def _nothing_more() -> Message:
    """The rest of a refused body is never asked for; whoever waits for it is cancelled when the answer is out."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("a future without a result came back")


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """A `receive` that gives back what was read, then goes on with the connection."""
    waiting = list(reversed(messages))

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message

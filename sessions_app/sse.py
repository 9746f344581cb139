"""Server-sent events: the JSON socket's frames, one way. `id:` stands on durable facts; text repeats from there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections as databases
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from agentsite.access.models import User
from agentsite.access.selectors import user_for_token
from agentsite.core.errors import AppError, NotFoundError, RateLimitedError
from agentsite.core.http import error_response
from agentsite.core.reading import in_database
from agentsite.core.rest import NotSignedInError, OtherRequestError
from sessions_app import connections
from sessions_app.fold import JournalEvent, State
from sessions_app.protocol.outgoing import RESTARTING, Writer, encode, ready
from sessions_app.protocol.states import initial_state
from sessions_app.reader import Item, Reader, Resync, Text
from sessions_app.selectors.conversations import count_messages, get_session

KEEPALIVE_SECONDS = 15.0
RETRY_SECONDS = 5
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


async def session_events(request: HttpRequest, session_id: UUID) -> HttpResponseBase:
    """`GET /api/session/<session>/events`, from `Last-Event-ID` or `?after=` on, else with an `initial_state` first."""
    try:
        if request.method != "GET":
            raise OtherRequestError("Read the events with GET.", 405)
        user = await _signed_in(request)
        await in_database(get_session, user, session_id)
        if connections.is_full(user.pk):
            message = "You have too many open connections. Close some and try again."
            raise RateLimitedError(message, details={"retry_after": RETRY_SECONDS})
    except AppError as error:
        response = error_response(error, request)
        if isinstance(error, NotSignedInError):
            response["WWW-Authenticate"] = 'Bearer realm="agentsite"'
        return response
    return StreamedEvents(EventStream(user.pk, session_id, _cursor(request)))


class EventStream:
    """One client's stream; it takes its place and its reader when it is first read, so that none is left behind."""

    def __init__(self, user_id: int, session_id: UUID, after: int | None) -> None:
        self.session_id = session_id
        self._user_id = user_id
        self._after = after
        self._connection: connections.Connection | None = None
        self._reader = Reader(session_id)
        self._writer = Writer(session_id)
        self._leaving = asyncio.Event()

    async def leave(self) -> None:
        """The server restarts: the stream ends, and the client comes back by itself."""
        self._leaving.set()

    def close(self) -> None:
        """Give everything back; doing so twice changes nothing."""
        connections.release(self._connection)
        self._reader.close()

    async def chunks(self) -> AsyncIterator[str]:
        """The stream as text."""
        # The request's thread lives as long as the stream; its database connection must not.
        await sync_to_async(databases.close_all)()
        self._connection = connections.admit(self._user_id, self.leave)
        if self._connection is None:
            return
        try:
            state = await self._reader.start(self._after)
            yield _event(None, ready(self.session_id))
            if state is not None:
                yield await self._state(state)
            async for chunk in self._following():
                yield chunk
        except NotFoundError:
            return
        finally:
            self.close()

    async def _following(self) -> AsyncIterator[str]:
        leaving = asyncio.ensure_future(self._leaving.wait())
        coming: asyncio.Future[list[Item]] | None = None
        try:
            while not leaving.done():
                coming = coming or asyncio.ensure_future(self._reader.items())
                waiting: set[asyncio.Future[Any]] = {coming, leaving}
                await asyncio.wait(waiting, timeout=KEEPALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    items, coming = coming.result(), None
                    yield await self._written(items)
                elif not leaving.done():
                    yield ": keepalive\n\n"
            yield _event(None, RESTARTING)
        finally:
            leaving.cancel()
            if coming is not None:
                coming.cancel()

    async def _written(self, items: Sequence[Item]) -> str:
        parts: list[str] = []
        facts: list[JournalEvent | Text] = []
        for item in items:
            if isinstance(item, Resync):
                parts.append(await self._state(item.state))
                facts = []
            else:
                facts.append(item)
        parts.extend(_event(seq, frame) for seq, frame in self._writer.write(facts))
        return "".join(parts)

    async def _state(self, state: State) -> str:
        saved = await in_database(count_messages, self.session_id)
        return _event(state["seq"], encode(initial_state(self.session_id, state, saved)))


class StreamedEvents(StreamingHttpResponse):
    """The response of an event stream; closing it gives the stream's place back whatever became of the client."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(stream.chunks(), content_type="text/event-stream", headers=HEADERS)
        self.stream = stream

    def close(self) -> None:
        """The server is done with it."""
        self.stream.close()
        super().close()


def _event(seq: int | None, frame: str) -> str:
    return f"data: {frame}\n\n" if seq is None else f"id: {seq}\ndata: {frame}\n\n"


def _cursor(request: HttpRequest) -> int | None:
    value = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


async def _signed_in(request: HttpRequest) -> User:
    """The user of the bearer token or the session's cookie. Raises NotSignedInError."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    user: User | None = None
    if scheme.lower() == "bearer":
        user = await in_database(user_for_token, value.strip())
    else:
        found = await request.auser()
        if isinstance(found, User) and found.is_active:
            user = found
    if user is None:
        raise NotSignedInError("Sign in, or send an API token: Authorization: Bearer …")
    return user
